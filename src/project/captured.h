#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/ingest/capture.h"
#include "pipeline/ingest/load.h"
#include "project/objects.h"
#include "project/plan.h"
#include "project/spec.h"

namespace tarn {

/// Folder of the state's folder in which the key indexes of followed tables stand.
inline constexpr char kKeyIndexFolder[] = "keys";

/// What is remembered of a source that is as tarn.yaml says, but for the capture's name.
SourceObject WantedSource(const SourceSpec& spec, const Source& source);

/// The table that keeps every change of a mirrored one.
TableTarget HistoryTarget(const SourceTableObject& object);

/// A name for what reads a source's log, that no other state of a project of this name uses on the
/// same database: "tarn_shop_crm_1f2e3d4c".
std::string NewCaptureName(const ProjectSpec& project, const std::string& source, Random& random);

/// Makes the source's log tell the tables that the plan wants, and says where the rows of those
/// that it loads come from: with a capture that begins, just where the log begins. Call with the
/// capture lock held. Errors: those of ChangeCapture.
Result<LoadSnapshot> PrepareCapture(OpenProject& project, const Plan& plan, const SourceSpec& spec);

/// Removes what an applied source has in its database for reading the log. What cannot be reached
/// because tarn.yaml does not tell its url any more is told in the log. Errors: those of the
/// source.
Status EndCapture(OpenProject& project, const std::string& name, const SourceObject& applied);

/// How `up` follows an applied source of mode cdc; callbacks are left empty but `altered` and
/// `described`, which borrow the project.
/// Errors: InvalidArgument (never applied, or changed and not applied); those of the catalog.
Result<CaptureOptions> CaptureOptionsOf(OpenProject& project, const SourceSpec& spec);

/// Removes from the state's folder the key indexes of tables that none of `sources` is followed
/// into: they were dropped, or made anew. Call with the capture lock held and all sources; what
/// cannot be removed stays.
void RemoveUnusedKeyIndexes(const ProjectSpec& project, const std::vector<CaptureOptions>& sources);

}  // namespace tarn

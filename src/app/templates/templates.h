#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

/// One file of a template, as it stands in the repository's examples/<template>/. Static storage.
struct TemplateFile {
  std::string_view name;   ///< of the template: "pagila"
  std::string_view path;   ///< below the template's folder: "models/gold/customer_counts.sql"
  std::string_view bytes;  ///< the content, any bytes
  bool executable = false;
};

/// All files of all templates, sorted by template and path: compiled in by embed.cmake.
std::span<const TemplateFile> EmbeddedTemplates();

/// A template as a list shows it.
struct TemplateInfo {
  std::string name;
  std::string title;               ///< the heading of its README.md; empty where it has none
  std::vector<std::string> steps;  ///< lines of the first ```sh block of its README.md
};

/// Every template of `files`, by name.
std::vector<TemplateInfo> ListTemplates(std::span<const TemplateFile> files);

/// Writes the files of template `name` below `folder`, which is made with its parents where it is
/// missing. Nothing that stands there is replaced, and what could not be finished is removed again.
/// Errors: NotFound for a template that is not there; InvalidArgument for an empty folder name;
/// AlreadyExists for a folder that is not empty or that is no folder; PermissionDenied,
/// ResourceExhausted, Unavailable as the disk answers.
Status WriteTemplate(std::span<const TemplateFile> files, std::string_view name,
                     const std::string& folder);

}  // namespace tarn

#pragma once

#include <string_view>

namespace tarn {

/// Whether the object is one that is never written a second time under its key, so that what was
/// read of it stays right for ever: its name (the last segment) holds a UUID, as the names of data
/// files, deletion vectors, manifests and staged metadata do, whoever wrote them. Logs, version
/// hints and whatever else has a name that can be foretold are not.
bool IsImmutableName(std::string_view key);

}  // namespace tarn

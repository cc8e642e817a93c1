#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tarn {

/// The candidate that somebody who wrote `name` most likely meant, for hints ("did you mean …?").
/// Counts inserted, removed, replaced and swapped neighbouring bytes; the case of ASCII letters is
/// free. Nothing when even the best differs in more than a third of its length (at least one edit
/// is allowed), or when either name is longer than 128 bytes. Of equally near ones the first.
std::optional<std::string> NearestName(std::string_view name,
                                       std::span<const std::string> candidates);

}  // namespace tarn

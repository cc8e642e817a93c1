#include "pipeline/transform/model_error.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace tarn {
namespace {

/// From 1, in the text that the engine was given.
struct Place {
  int line = 0;
  int column = 0;  ///< 0: not known
};

/// Reads a number at the start of `text` and takes it away.
std::optional<int> TakeNumber(std::string_view* text) {
  int number = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (code != std::errc() || number < 1) return std::nullopt;
  text->remove_prefix(end - text->data());
  return number;
}

bool TakeWord(std::string_view word, std::string_view* text) {
  if (!text->starts_with(word)) return false;
  text->remove_prefix(word.size());
  return true;
}

/// "2:14: no such column" → its place, and the rest in `message`.
std::optional<Place> TakePlace(std::string* message) {
  std::string_view rest = *message;
  const auto line = TakeNumber(&rest);
  if (!line || !TakeWord(":", &rest)) return std::nullopt;
  const auto column = TakeNumber(&rest);
  if (!column || !TakeWord(": ", &rest)) return std::nullopt;
  *message = std::string(rest);
  return Place{*line, *column};
}

std::string_view LineOf(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

/// What DuckDB shows of a statement: "LINE 3: …some of the line…\n          ^".
struct ShownLine {
  int line = 0;
  std::string_view text;   ///< of the line, cut on either side as "..." tells
  size_t caret = 0;        ///< where in `text` the caret points
  std::string_view below;  ///< from the caret's line on
};

std::optional<ShownLine> ReadShown(std::string_view detail) {
  std::string_view rest = detail;
  if (!TakeWord("LINE ", &rest)) return std::nullopt;
  const auto line = TakeNumber(&rest);
  if (!line || !TakeWord(": ", &rest)) return std::nullopt;
  const size_t prefix = detail.size() - rest.size();
  const size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  ShownLine shown{*line, rest.substr(0, end), 0, rest.substr(end + 1)};
  const size_t caret = shown.below.find('^');
  if (caret == std::string_view::npos || caret < prefix) return std::nullopt;
  shown.caret = caret - prefix;
  return shown;
}

/// Where the caret stands in the whole line, from 1; 0 when the line is another one.
int ColumnIn(std::string_view line, const ShownLine& shown) {
  constexpr std::string_view kCut = "...";
  std::string_view text = shown.text;
  size_t caret = shown.caret;
  if (text.starts_with(kCut) && !line.starts_with(kCut)) {
    text.remove_prefix(kCut.size());
    if (caret < kCut.size()) return 0;
    caret -= kCut.size();
  }
  if (text.ends_with(kCut) && !line.ends_with(kCut)) text.remove_suffix(kCut.size());
  const size_t begin = line.find(text);
  return begin == std::string_view::npos ? 0 : static_cast<int>(begin + caret) + 1;
}

}  // namespace

Status InModelFile(const Model& model, Status status, int lines_before) {
  if (status.ok()) return status;
  Error error = status.error();
  std::optional<Place> place = TakePlace(&error.message);
  const auto shown = ReadShown(error.detail);
  if (!place && shown && shown->line > lines_before) {
    place = Place{shown->line - lines_before, 0};
    place->column = ColumnIn(LineOf(model.sql, place->line), *shown);
  }
  std::string where = model.path;
  if (place) {
    // The query's first line may begin behind the end of the head.
    if (place->column > 0 && place->line == 1) place->column += model.sql_column - 1;
    place->line += model.sql_line - 1;
    where += ":" + std::to_string(place->line);
    if (place->column > 0) where += ":" + std::to_string(place->column);
  }
  if (place && shown) {
    const std::string old_number = std::to_string(shown->line);
    const std::string number = std::to_string(place->line);
    std::string below(shown->below);
    if (number.size() > old_number.size()) {
      below.insert(0, number.size() - old_number.size(), ' ');
    } else {
      below.erase(0, old_number.size() - number.size());
    }
    error.detail = "LINE " + number + ": " + std::string(shown->text) + "\n" + below;
  }
  error.message = where + ": " + error.message;
  return error;
}

}  // namespace tarn

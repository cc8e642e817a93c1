#include "source/type_choices.h"

#include <cctype>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "source/table_pattern.h"

namespace tarn {
namespace {

using Choice = TypeChoices::Choice;

std::string Squeezed(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) == 0) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

std::optional<Choice> ParseChoice(const std::string& text) {
  const std::string word = Squeezed(text);
  if (word == "string") return Choice{Choice::Kind::kString, 0, 0};
  if (word == "double") return Choice{Choice::Kind::kDouble, 0, 0};
  if (word == "long") return Choice{Choice::Kind::kLong, 0, 0};
  if (word == "variant") return Choice{Choice::Kind::kVariant, 0, 0};
  if (!word.starts_with("decimal(") || !word.ends_with(")")) return std::nullopt;
  Choice choice{Choice::Kind::kDecimal, 0, 0};
  const char* end = word.data() + word.size() - 1;
  auto [comma, error] = std::from_chars(word.data() + 8, end, choice.precision);
  if (error != std::errc() || comma == end || *comma != ',') return std::nullopt;
  auto [stop, error2] = std::from_chars(comma + 1, end, choice.scale);
  if (error2 != std::errc() || stop != end) return std::nullopt;
  if (choice.precision < 1 || choice.precision > kDecimalDigitsMax || choice.scale < 0 ||
      choice.scale > choice.precision) {
    return std::nullopt;
  }
  return choice;
}

// A name as `types:` must write it: quoted when it would not be read back as one part.
std::string KeyPart(const std::string& name) {
  const bool plain = name.find_first_of(".\" *?:{},") == std::string::npos && !name.empty();
  return plain ? name : QuoteIdentifier(name);
}

}  // namespace

Result<TypeChoices> TypeChoices::Parse(const std::string& numeric,
                                       const std::map<std::string, std::string>& types) {
  TypeChoices choices;
  if (!numeric.empty()) {
    std::optional<Choice> choice = ParseChoice(numeric);
    if (!choice ||
        (choice->kind != Choice::Kind::kString && choice->kind != Choice::Kind::kDecimal)) {
      return InvalidArgument("numeric: `" + numeric + "` is neither string nor decimal(p,s)",
                             "p is at most 38 and s at most p: decimal(38,18)");
    }
    choices.numeric_ = *choice;
  }
  for (const auto& [key, value] : types) {
    TARN_ASSIGN_OR_RETURN(std::vector<NamePart> parts, SplitNameParts(key));
    if (parts.size() != 3) {
      return InvalidArgument("types: `" + key + "` does not name a column",
                             "write schema.table.column");
    }
    std::optional<Choice> choice = ParseChoice(value);
    if (!choice) {
      return InvalidArgument("types: `" + value + "` of " + key + " is not a type",
                             "string, double, long, variant or decimal(p,s) with p at most 38");
    }
    choices.columns_[{parts[0].text, parts[1].text}][parts[2].text] = *choice;
  }
  return choices;
}

Choice TypeChoices::ForColumn(const SourceTableName& table, const std::string& column) const {
  auto found = columns_.find(table);
  if (found == columns_.end()) return {};
  auto choice = found->second.find(column);
  return choice == found->second.end() ? Choice{} : choice->second;
}

std::vector<std::string> TypeChoices::ColumnsOf(const SourceTableName& table) const {
  std::vector<std::string> names;
  if (auto found = columns_.find(table); found != columns_.end()) {
    for (const auto& [name, choice] : found->second) names.push_back(name);
  }
  return names;
}

std::string OverrideHint(const SourceTableName& table, const std::string& column) {
  return "types: {" + KeyPart(table.schema) + "." + KeyPart(table.name) + "." + KeyPart(column) +
         ": string}";
}

Error VariantKeyError(const SourceTableName& table, const std::string& column) {
  return InvalidArgument(
      "column " + table.ToString() + "." + column + " is part of the key, and variants are no keys",
      "leave it out of types:, or read it as text: " + OverrideHint(table, column));
}

}  // namespace tarn

#include "columnar/avro_schema.h"

#include <limits>
#include <list>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/json.h"

namespace tarn {

namespace {

constexpr int kDepthMax = 64;
constexpr int64_t kFixedBytesMax = int64_t{1} << 30;

using Kind = AvroType::Kind;

struct NamedKind {
  std::string_view name;
  Kind kind;
};
constexpr NamedKind kKinds[] = {
    {"null", Kind::kNull},   {"boolean", Kind::kBoolean}, {"int", Kind::kInt},
    {"long", Kind::kLong},   {"float", Kind::kFloat},     {"double", Kind::kDouble},
    {"bytes", Kind::kBytes}, {"string", Kind::kString},   {"fixed", Kind::kFixed},
    {"enum", Kind::kEnum},   {"record", Kind::kRecord},   {"error", Kind::kRecord},
    {"array", Kind::kArray}, {"map", Kind::kMap},
};

const NamedKind* FindKind(std::string_view name) {
  for (const NamedKind& one : kKinds) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

std::string TextMember(const Json& object, std::string_view key) {
  const Json* member = FindMember(object, key);
  return member != nullptr && member->is_string() ? member->get<std::string>() : std::string();
}

}  // namespace

/// Builds an AvroSchema from its JSON. Names are resolved as they are met, as Avro demands.
class AvroSchemaParser {
 public:
  explicit AvroSchemaParser(std::string_view what) : what_(what) {}

  Result<AvroSchema> Run(const Json& json) {
    TARN_ASSIGN_OR_RETURN(schema_.root_, Parse(json, "", 0));
    return std::move(schema_);
  }

 private:
  Error Bad(const std::string& message) const {
    return Corruption(what_ + ": avro schema: " + message);
  }

  AvroType* Make(Kind kind, int64_t encoded_bytes_min) {
    schema_.types_.push_back(std::make_unique<AvroType>());
    AvroType* type = schema_.types_.back().get();
    type->kind = kind;
    type->encoded_bytes_min = encoded_bytes_min;
    return type;
  }

  Result<int32_t> IdMember(const Json& object, std::string_view key) const {
    const Json* member = FindMember(object, key);
    if (member == nullptr) return -1;
    if (!member->is_number_integer()) return Bad(std::string(key) + " is no integer");
    const auto value = member->get<int64_t>();
    if (value < std::numeric_limits<int32_t>::min() ||
        value > std::numeric_limits<int32_t>::max()) {
      return Bad(std::string(key) + " does not fit into 32 bits");
    }
    return static_cast<int32_t>(value);
  }

  Result<const AvroType*> Parse(const Json& json, const std::string& space, int depth) {
    if (depth > kDepthMax) return Bad("nested deeper than " + std::to_string(kDepthMax));
    if (json.is_array()) return ParseUnion(json, space, depth);
    if (json.is_string()) return ParseName(json.get<std::string>(), space);
    if (!json.is_object()) return Bad("a type is neither text, object nor list");
    const Json* inner = FindMember(json, "type");
    if (inner == nullptr) return Bad("an object without \"type\"");
    // {"type": {"type": "array", …}} and {"type": ["null", …]} mean the inner type.
    if (!inner->is_string()) return Parse(*inner, space, depth + 1);
    const auto name = inner->get<std::string>();
    const NamedKind* known = FindKind(name);
    if (known == nullptr) return ParseName(name, space);
    switch (known->kind) {
      case Kind::kRecord:
        return ParseRecord(json, space, depth);
      case Kind::kEnum:
        return ParseEnum(json, space);
      case Kind::kFixed:
        return ParseFixed(json, space);
      case Kind::kArray:
        return ParseArray(json, space, depth);
      case Kind::kMap:
        return ParseMap(json, space, depth);
      default:
        break;
    }
    AvroType* type = Make(known->kind, PrimitiveBytesMin(known->kind));
    TARN_RETURN_IF_ERROR(ReadLogicalType(json, *type));
    return type;
  }

  static int64_t PrimitiveBytesMin(Kind kind) {
    return kind == Kind::kNull ? 0 : kind == Kind::kFloat ? 4 : kind == Kind::kDouble ? 8 : 1;
  }

  Status ReadLogicalType(const Json& json, AvroType& type) const {
    type.logical_type = TextMember(json, "logicalType");
    if (type.logical_type != "decimal") return {};
    TARN_ASSIGN_OR_RETURN(type.precision, IdMember(json, "precision"));
    TARN_ASSIGN_OR_RETURN(type.scale, IdMember(json, "scale"));
    if (type.scale < 0) type.scale = 0;
    return {};
  }

  Result<const AvroType*> ParseName(const std::string& name, const std::string& space) {
    const NamedKind* known = FindKind(name);
    if (known != nullptr) {
      if (known->kind >= Kind::kFixed) return Bad("\"" + name + "\" needs an object of its own");
      return Make(known->kind, PrimitiveBytesMin(known->kind));
    }
    auto found = named_.find(name);
    if (name.find('.') == std::string::npos && !space.empty()) {
      auto qualified = named_.find(space + "." + name);
      if (qualified != named_.end()) found = qualified;
    }
    if (found == named_.end()) return Bad("unknown type \"" + name + "\"");
    return found->second;
  }

  Result<const AvroType*> ParseUnion(const Json& json, const std::string& space, int depth) {
    if (json.empty()) return Bad("an empty union");
    AvroType* type = Make(Kind::kUnion, 1);
    for (const Json& branch : json) {
      if (branch.is_array()) return Bad("a union directly in a union");
      TARN_ASSIGN_OR_RETURN(const AvroType* child, Parse(branch, space, depth + 1));
      type->children.push_back(child);
    }
    return type;
  }

  /// Sets the full name and makes it known. Returns the namespace for names inside.
  Result<std::string> Declare(const Json& json, const std::string& space, AvroType& type) {
    std::string name = TextMember(json, "name");
    if (name.empty()) return Bad("a record, enum or fixed without name");
    std::string inside = space;
    if (size_t dot = name.rfind('.'); dot != std::string::npos) {
      inside = name.substr(0, dot);
    } else {
      if (const Json* own = FindMember(json, "namespace"); own != nullptr && own->is_string()) {
        inside = own->get<std::string>();
      }
      if (!inside.empty()) name = inside + "." + name;
    }
    type.name = name;
    if (!named_.emplace(name, &type).second) return Bad("type \"" + name + "\" is defined twice");
    return inside;
  }

  Result<const AvroType*> ParseRecord(const Json& json, const std::string& space, int depth) {
    AvroType* type = Make(Kind::kRecord, 0);
    TARN_ASSIGN_OR_RETURN(const std::string inside, Declare(json, space, *type));
    const Json* fields = FindMember(json, "fields");
    if (fields == nullptr || !fields->is_array()) {
      return Bad("record \"" + type->name + "\" without fields");
    }
    open_records_.insert(type);
    for (const Json& one : *fields) {
      AvroField field;
      field.name = TextMember(one, "name");
      const Json* of = FindMember(one, "type");
      if (field.name.empty() || of == nullptr) {
        return Bad("record \"" + type->name + "\" has a field without name or type");
      }
      TARN_ASSIGN_OR_RETURN(field.id, IdMember(one, "field-id"));
      TARN_ASSIGN_OR_RETURN(field.type, Parse(*of, inside, depth + 1));
      if (open_records_.count(field.type) != 0) {
        return Bad("record \"" + field.type->name + "\" contains itself");
      }
      type->encoded_bytes_min += field.type->encoded_bytes_min;
      if (type->encoded_bytes_min > kFixedBytesMax) {
        return Bad("record \"" + type->name + "\" is too large");
      }
      type->fields.push_back(std::move(field));
    }
    open_records_.erase(type);
    return type;
  }

  Result<const AvroType*> ParseEnum(const Json& json, const std::string& space) {
    AvroType* type = Make(Kind::kEnum, 1);
    TARN_RETURN_IF_ERROR(Declare(json, space, *type));
    const Json* symbols = FindMember(json, "symbols");
    if (symbols == nullptr || !symbols->is_array()) {
      return Bad("enum \"" + type->name + "\" without symbols");
    }
    for (const Json& symbol : *symbols) {
      if (!symbol.is_string()) return Bad("enum \"" + type->name + "\" has a bad symbol");
      type->symbols.push_back(symbol.get<std::string>());
    }
    return type;
  }

  Result<const AvroType*> ParseFixed(const Json& json, const std::string& space) {
    AvroType* type = Make(Kind::kFixed, 0);
    TARN_RETURN_IF_ERROR(Declare(json, space, *type));
    const Json* size = FindMember(json, "size");
    if (size == nullptr || !size->is_number_integer()) {
      return Bad("fixed \"" + type->name + "\" without size");
    }
    type->fixed_bytes = size->get<int64_t>();
    if (type->fixed_bytes < 0 || type->fixed_bytes > kFixedBytesMax) {
      return Bad("fixed \"" + type->name + "\" has a bad size");
    }
    type->encoded_bytes_min = type->fixed_bytes;
    TARN_RETURN_IF_ERROR(ReadLogicalType(json, *type));
    return type;
  }

  Result<const AvroType*> ParseArray(const Json& json, const std::string& space, int depth) {
    AvroType* type = Make(Kind::kArray, 1);
    const Json* items = FindMember(json, "items");
    if (items == nullptr) return Bad("an array without items");
    TARN_ASSIGN_OR_RETURN(const AvroType* item, Parse(*items, space, depth + 1));
    type->children = {item};
    type->logical_type = TextMember(json, "logicalType");
    TARN_ASSIGN_OR_RETURN(type->element_id, IdMember(json, "element-id"));
    return type;
  }

  Result<const AvroType*> ParseMap(const Json& json, const std::string& space, int depth) {
    AvroType* type = Make(Kind::kMap, 1);
    const Json* values = FindMember(json, "values");
    if (values == nullptr) return Bad("a map without values");
    TARN_ASSIGN_OR_RETURN(const AvroType* value, Parse(*values, space, depth + 1));
    type->children = {value};
    TARN_ASSIGN_OR_RETURN(type->key_id, IdMember(json, "key-id"));
    TARN_ASSIGN_OR_RETURN(type->value_id, IdMember(json, "value-id"));
    return type;
  }

  std::string what_;
  AvroSchema schema_;
  std::unordered_map<std::string, const AvroType*> named_;
  std::set<const AvroType*> open_records_;  ///< those whose fields are being read
};

Result<AvroSchema> AvroSchema::Parse(std::string_view json, std::string_view what) {
  // A bare "long" is a schema too, also without quotes as old writers put it.
  if (FindKind(json) != nullptr) return AvroSchemaParser(what).Run(Json(std::string(json)));
  TARN_ASSIGN_OR_RETURN(const Json parsed, ParseJson(json, std::string(what) + ": avro schema"));
  return AvroSchemaParser(what).Run(parsed);
}

Result<std::shared_ptr<const AvroSchema>> AvroSchema::Shared(std::string_view json,
                                                             std::string_view what) {
  struct Kept {
    std::string json;
    std::shared_ptr<const AvroSchema> schema;
  };
  static std::mutex mutex;
  static std::list<Kept> kept;  // what was asked for last stands first
  if (json.size() <= kSharedTextBytesMax) {
    const std::lock_guard lock(mutex);
    for (auto one = kept.begin(); one != kept.end(); ++one) {
      if (one->json != json) continue;
      kept.splice(kept.begin(), kept, one);
      return kept.front().schema;
    }
  }
  TARN_ASSIGN_OR_RETURN(AvroSchema parsed, Parse(json, what));
  auto schema = std::make_shared<const AvroSchema>(std::move(parsed));
  if (json.size() > kSharedTextBytesMax)
    return std::shared_ptr<const AvroSchema>(std::move(schema));
  const std::lock_guard lock(mutex);
  kept.push_front({std::string(json), schema});
  if (kept.size() > kSharedMax) kept.pop_back();
  return schema;
}

std::string ToString(const AvroType& type) {
  if (type.kind == Kind::kUnion) {
    std::string text;
    for (const AvroType* child : type.children) {
      text += (text.empty() ? "" : " or ") + ToString(*child);
    }
    return text;
  }
  std::string text;
  for (const NamedKind& one : kKinds) {
    if (one.kind == type.kind) {
      text = one.name;
      break;
    }
  }
  return type.name.empty() ? text : text + " " + type.name;
}

std::string AvroName(std::string_view name) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string result;
  size_t i = 0;
  while (i < name.size()) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (letter || digit) {
      if (digit && i == 0) result += '_';
      result += static_cast<char>(c);
      ++i;
      continue;
    }
    // Iceberg escapes UTF-16 units; any unit spelt in hexadecimal makes a valid, distinct name.
    uint32_t code = c;
    size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    if (length > name.size() - i) length = 1;
    if (length > 1) {
      code = c & (0xffu >> (length + 1));
      for (size_t k = 1; k < length; ++k) {
        code = code << 6 | (static_cast<unsigned char>(name[i + k]) & 0x3fu);
      }
    }
    i += length;
    auto append = [&](uint32_t unit) {
      result += "_x";
      bool started = false;
      for (int shift = 28; shift >= 0; shift -= 4) {
        const uint32_t nibble = unit >> shift & 15u;
        started = started || nibble != 0 || shift == 0;
        if (started) result += kDigits[nibble];
      }
    };
    if (code >= 0x10000) {
      append(0xd800 + ((code - 0x10000) >> 10));
      append(0xdc00 + ((code - 0x10000) & 0x3ff));
    } else {
      append(code);
    }
  }
  return result.empty() ? "_" : result;
}

}  // namespace tarn

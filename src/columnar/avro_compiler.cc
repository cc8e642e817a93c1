#include "columnar/avro_compiler.h"

#include <algorithm>

namespace tarn {

namespace {

using Kind = AvroType::Kind;

/// A schema of named types may unfold to any size: so many places are followed.
constexpr int64_t kNodesMax = 1 << 17;

bool Fits(Kind kind, AvroExpect expect) {
  switch (expect) {
    case AvroExpect::kAny:
      return kind != Kind::kRecord;
    case AvroExpect::kBoolean:
      return kind == Kind::kBoolean;
    case AvroExpect::kInt:
      return kind == Kind::kInt || kind == Kind::kLong;
    case AvroExpect::kDouble:
      return kind == Kind::kFloat || kind == Kind::kDouble;
    case AvroExpect::kBytes:
      return kind >= Kind::kBytes && kind <= Kind::kEnum;
    case AvroExpect::kList:
      return kind == Kind::kArray || kind == Kind::kMap;
  }
  return false;
}

std::string_view Name(AvroExpect expect) {
  switch (expect) {
    case AvroExpect::kBoolean:
      return "a boolean";
    case AvroExpect::kInt:
      return "an integer";
    case AvroExpect::kDouble:
      return "a float";
    case AvroExpect::kBytes:
      return "text or bytes";
    case AvroExpect::kList:
      return "a list or map";
    default:
      return "a plain value";
  }
}

}  // namespace

Result<AvroDecoder> AvroDecoder::Compile(const AvroSchema& schema,
                                         const std::vector<AvroColumn>& columns) {
  return AvroCompiler().Run(schema, columns);
}

Result<AvroDecoder> AvroCompiler::Run(const AvroSchema& schema,
                                      const std::vector<AvroColumn>& columns) {
  Row row{columns, std::vector<bool>(columns.size())};
  TARN_ASSIGN_OR_RETURN(decoder_.root_, Search(schema.root(), -1, row));
  decoder_.present_ = std::move(row.found);
  return std::move(decoder_);
}

Status AvroCompiler::Count() {
  if (++nodes_ > kNodesMax) return Corruption("the avro schema unfolds to too many fields");
  return {};
}

Result<AvroDecoder::Node> AvroCompiler::Search(const AvroType& type, int32_t within, Row& row) {
  TARN_RETURN_IF_ERROR(Count());
  Node node;
  node.type = &type;
  if (type.kind == Kind::kUnion) {
    for (const AvroType* branch : type.children) {
      TARN_ASSIGN_OR_RETURN(Node child, Search(*branch, within, row));
      node.wanted |= child.wanted;
      node.children.push_back(std::move(child));
    }
    // A branch that is not wanted is skipped, so a plan without wanted branches is not needed.
    if (!node.wanted) node.children.clear();
    return node;
  }
  if (type.kind != Kind::kRecord || std::find(path_.begin(), path_.end(), &type) != path_.end()) {
    return node;
  }
  path_.push_back(&type);
  for (const AvroField& field : type.fields) {
    Node child;
    size_t column = row.columns.size();
    for (size_t i = 0; field.id >= 0 && i < row.columns.size(); ++i) {
      const AvroColumn& wanted = row.columns[i];
      if (wanted.id == field.id && !row.found[i] &&
          (wanted.within < 0 || wanted.within == within)) {
        column = i;
        break;
      }
    }
    if (column < row.columns.size()) {
      row.found[column] = true;
      auto taken = Take(*field.type, row.columns[column], static_cast<int32_t>(column));
      TARN_ASSIGN_OR_RETURN(child, std::move(taken).Wrap("field " + field.name + " (id " +
                                                         std::to_string(field.id) + ")"));
    } else {
      TARN_ASSIGN_OR_RETURN(child, Search(*field.type, field.id, row));
    }
    node.wanted |= child.wanted;
    node.children.push_back(std::move(child));
  }
  path_.pop_back();
  if (!node.wanted) node.children.clear();
  return node;
}

Result<AvroDecoder::Node> AvroCompiler::Take(const AvroType& type, const AvroColumn& column,
                                             int32_t slot) {
  TARN_RETURN_IF_ERROR(Count());
  Node node;
  node.type = &type;
  node.wanted = true;
  node.slot = slot;
  if (type.kind == Kind::kUnion) {
    for (const AvroType* branch : type.children) {
      TARN_ASSIGN_OR_RETURN(Node child, Take(*branch, column, slot));
      node.children.push_back(std::move(child));
    }
    return node;
  }
  if (type.kind == Kind::kNull) return node;
  if (!Fits(type.kind, column.expect)) {
    return Corruption("is " + ToString(type) + ", expected " + std::string(Name(column.expect)));
  }
  if (type.kind == Kind::kArray || type.kind == Kind::kMap) return TakeList(type, column, slot);
  return node;
}

Result<AvroDecoder::Node> AvroCompiler::TakeList(const AvroType& type, const AvroColumn& column,
                                                 int32_t slot) {
  Node node;
  node.type = &type;
  node.wanted = true;
  node.slot = slot;
  node.pool = static_cast<uint32_t>(decoder_.pools_.size());
  decoder_.pools_.emplace_back();
  decoder_.widths_.push_back(0);
  const AvroType& item = *type.children[0];
  static const AvroColumn kAnything;
  Node child;
  size_t width = column.items.size();
  if (type.kind == Kind::kMap) {
    const bool by_id = width > 0;
    const AvroColumn* value = by_id ? nullptr : &kAnything;
    int32_t value_slot = 1;
    node.key_slot = by_id ? -1 : 0;
    for (size_t i = 0; i < column.items.size(); ++i) {
      if (column.items[i].id == type.key_id) node.key_slot = static_cast<int32_t>(i);
      if (column.items[i].id == type.value_id) {
        value = &column.items[i];
        value_slot = static_cast<int32_t>(i);
      }
    }
    if (!by_id) width = 2;
    if (value != nullptr) {
      TARN_ASSIGN_OR_RETURN(child, Take(item, *value, value_slot));
    } else {
      child.type = &item;
    }
  } else if (width == 0) {
    width = 1;
    TARN_ASSIGN_OR_RETURN(child, Take(item, kAnything, 0));
  } else if (width == 1 && type.element_id >= 0 && column.items[0].id == type.element_id) {
    TARN_ASSIGN_OR_RETURN(child, Take(item, column.items[0], 0));
  } else {
    Row row{column.items, std::vector<bool>(width)};
    TARN_ASSIGN_OR_RETURN(child, Search(item, type.element_id, row));
  }
  node.children.push_back(std::move(child));
  decoder_.widths_[node.pool] = width;
  return node;
}

}  // namespace tarn

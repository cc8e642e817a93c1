#include <limits>
#include <utility>

#include "table/model/partition.h"
#include "table/model/transform_math.h"

namespace tarn {

namespace {

using Op = Predicate::Op;
using Kind = Transform::Kind;

Predicate Negate(const Predicate& predicate);

/// The same condition without kNot above comparisons. What has no opposite becomes kTrue, which is
/// right for an inclusive projection only.
Predicate PushNotDown(const Predicate& predicate) {
  switch (predicate.op) {
    case Op::kNot:
      return Negate(predicate.children[0]);
    case Op::kAnd:
    case Op::kOr: {
      Predicate result{predicate.op, {}, {}, {}};
      for (const Predicate& child : predicate.children) {
        result.children.push_back(PushNotDown(child));
      }
      return result;
    }
    default:
      return predicate;
  }
}

Predicate Negate(const Predicate& predicate) {
  const auto with = [&](Op op) { return Predicate{op, predicate.column, predicate.values, {}}; };
  switch (predicate.op) {
    case Op::kNot:
      return PushNotDown(predicate.children[0]);
    case Op::kAnd:
    case Op::kOr: {
      Predicate result{predicate.op == Op::kAnd ? Op::kOr : Op::kAnd, {}, {}, {}};
      for (const Predicate& child : predicate.children) result.children.push_back(Negate(child));
      return result;
    }
    case Op::kEq:
      return with(Op::kNotEq);
    case Op::kNotEq:
      return with(Op::kEq);
    case Op::kLt:
      return with(Op::kGtEq);
    case Op::kLtEq:
      return with(Op::kGt);
    case Op::kGt:
      return with(Op::kLtEq);
    case Op::kGtEq:
      return with(Op::kLt);
    case Op::kIsNull:
      return with(Op::kIsNotNull);
    case Op::kIsNotNull:
      return with(Op::kIsNull);
    default:
      return Predicate::True();
  }
}

bool IsTime(Kind kind) {
  return kind == Kind::kYear || kind == Kind::kMonth || kind == Kind::kDay || kind == Kind::kHour;
}

/// Projects one comparison onto one partition field.
class LeafProjection {
 public:
  LeafProjection(const PartitionField& field, const Type& source)
      : field_(field), source_(source) {}

  Predicate Project(const Predicate& leaf) const {
    if (field_.transform.kind == Kind::kVoid || !CanTransform(field_.transform, source_)) {
      return Predicate::True();
    }
    if (leaf.op == Op::kIsNull || leaf.op == Op::kIsNotNull) return Renamed(leaf, leaf.values);
    for (const Scalar& value : leaf.values) {
      if (IsNull(value)) return Predicate::True();
    }
    const bool equality = leaf.op == Op::kEq || leaf.op == Op::kIn;
    const bool floating =
        source_.kind() == Type::Kind::kFloat || source_.kind() == Type::Kind::kDouble;
    // An order that was negated on the way down says nothing about NaN.
    if (floating && !equality) return Predicate::True();
    switch (field_.transform.kind) {
      case Kind::kIdentity:
        return Renamed(leaf, leaf.values);
      case Kind::kBucket:
        return equality ? OneOf(leaf.values) : Predicate::True();
      default:
        return ProjectOrdered(leaf);
    }
  }

 private:
  Predicate Renamed(const Predicate& leaf, std::vector<Scalar> values) const {
    return {leaf.op, field_.name, std::move(values), {}};
  }

  /// The transform of `value`, moved by `step` first where the type counts in whole steps.
  std::optional<Scalar> Transformed(const Scalar& value, int64_t step) const {
    Scalar moved = value;
    if (auto* number = std::get_if<int64_t>(&moved)) {
      const bool at_end = step > 0 ? *number == std::numeric_limits<int64_t>::max()
                                   : *number == std::numeric_limits<int64_t>::min();
      if (!at_end) *number += step;
      if (source_.kind() == Type::Kind::kInt && (*number < std::numeric_limits<int32_t>::min() ||
                                                 *number > std::numeric_limits<int32_t>::max())) {
        return std::nullopt;
      }
    }
    auto result = ApplyTransform(field_.transform, source_, moved);
    if (!result.ok() || IsNull(*result)) return std::nullopt;
    return std::move(result).value();
  }

  /// Writers of old rounded times before 1970 towards zero, so a file's value may be one too high.
  Scalar ForOldWriters(Scalar value) const {
    if (auto* number = std::get_if<int64_t>(&value); number != nullptr && *number < 0) ++*number;
    return value;
  }

  Predicate OneOf(const std::vector<Scalar>& values) const {
    std::vector<Scalar> projected;
    for (const Scalar& value : values) {
      std::optional<Scalar> transformed = Transformed(value, 0);
      if (!transformed) return Predicate::True();
      if (IsTime(field_.transform.kind)) {
        Scalar tolerant = ForOldWriters(*transformed);
        if (tolerant != *transformed) projected.push_back(std::move(tolerant));
      }
      projected.push_back(std::move(*transformed));
    }
    if (projected.size() == 1) return {Op::kEq, field_.name, std::move(projected), {}};
    return {Op::kIn, field_.name, std::move(projected), {}};
  }

  Predicate ProjectOrdered(const Predicate& leaf) const {
    switch (leaf.op) {
      case Op::kEq:
      case Op::kIn:
        return OneOf(leaf.values);
      case Op::kLt:
      case Op::kLtEq: {
        auto bound = Transformed(leaf.values[0], leaf.op == Op::kLt ? -1 : 0);
        if (!bound) return Predicate::True();
        if (IsTime(field_.transform.kind)) bound = ForOldWriters(std::move(*bound));
        return Predicate::Compare(Op::kLtEq, field_.name, std::move(*bound));
      }
      case Op::kGt:
      case Op::kGtEq: {
        auto bound = Transformed(leaf.values[0], leaf.op == Op::kGt ? 1 : 0);
        if (!bound) return Predicate::True();
        return Predicate::Compare(Op::kGtEq, field_.name, std::move(*bound));
      }
      case Op::kStartsWith:
        return ProjectPrefix(leaf);
      default:
        return Predicate::True();
    }
  }

  Predicate ProjectPrefix(const Predicate& leaf) const {
    const auto* prefix = std::get_if<std::string>(&leaf.values[0]);
    if (prefix == nullptr || source_.kind() != Type::Kind::kString) return Predicate::True();
    const std::string_view cut = TruncateText(*prefix, field_.transform.parameter);
    const bool shorter = TruncateText(*prefix, field_.transform.parameter - 1) == *prefix;
    return Predicate::Compare(shorter ? Op::kStartsWith : Op::kEq, field_.name,
                              Scalar(std::string(cut)));
  }

  const PartitionField& field_;
  const Type& source_;
};

Predicate Project(const Predicate& predicate, const Schema& schema, const PartitionSpec& spec) {
  switch (predicate.op) {
    case Op::kTrue:
      return Predicate::True();
    case Op::kAnd: {
      std::vector<Predicate> kept;
      for (const Predicate& child : predicate.children) {
        Predicate projected = Project(child, schema, spec);
        if (!projected.always_true()) kept.push_back(std::move(projected));
      }
      if (kept.empty()) return Predicate::True();
      return kept.size() == 1 ? std::move(kept[0]) : Predicate::And(std::move(kept));
    }
    case Op::kOr: {
      Predicate result{Op::kOr, {}, {}, {}};
      for (const Predicate& child : predicate.children) {
        Predicate projected = Project(child, schema, spec);
        if (projected.always_true()) return Predicate::True();
        result.children.push_back(std::move(projected));
      }
      return result;
    }
    default: {
      const Field* column = schema.Find(predicate.column);
      if (column == nullptr) return Predicate::True();
      std::vector<Predicate> kept;
      for (const PartitionField& field : spec.fields) {
        if (field.source_id != column->id) continue;
        Predicate projected = LeafProjection(field, column->type).Project(predicate);
        if (!projected.always_true()) kept.push_back(std::move(projected));
      }
      if (kept.empty()) return Predicate::True();
      return kept.size() == 1 ? std::move(kept[0]) : Predicate::And(std::move(kept));
    }
  }
}

}  // namespace

Predicate ProjectPredicate(const Predicate& predicate, const Schema& schema,
                           const PartitionSpec& spec) {
  if (spec.fields.empty()) return Predicate::True();
  return Project(PushNotDown(predicate), schema, spec);
}

}  // namespace tarn

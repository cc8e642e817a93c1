#include "sql/duckdb/filters.h"

#include <utility>
#include <vector>

#include "duckdb/execution/expression_executor.hpp"

namespace tarn::duck {
namespace {

using duckdb::ExpressionClass;
using duckdb::ExpressionType;
using duckdb::LogicalTypeId;

std::optional<Predicate::Op> CompareOp(ExpressionType type) {
  switch (type) {
    case ExpressionType::COMPARE_EQUAL:
      return Predicate::Op::kEq;
    case ExpressionType::COMPARE_NOTEQUAL:
      return Predicate::Op::kNotEq;
    case ExpressionType::COMPARE_LESSTHAN:
      return Predicate::Op::kLt;
    case ExpressionType::COMPARE_LESSTHANOREQUALTO:
      return Predicate::Op::kLtEq;
    case ExpressionType::COMPARE_GREATERTHAN:
      return Predicate::Op::kGt;
    case ExpressionType::COMPARE_GREATERTHANOREQUALTO:
      return Predicate::Op::kGtEq;
    default:
      return std::nullopt;
  }
}

class Converter {
 public:
  enum class Mode { kExact, kPrune };
  Converter(duckdb::ClientContext& context, const ColumnOf& column_of, Mode mode)
      : context_(context), column_of_(column_of), mode_(mode) {}

  std::optional<Predicate> Convert(const duckdb::Expression& filter) const {
    switch (filter.GetExpressionClass()) {
      case ExpressionClass::BOUND_COMPARISON:
        return Comparison(filter.Cast<duckdb::BoundComparisonExpression>());
      case ExpressionClass::BOUND_CONJUNCTION:
        return Conjunction(filter.Cast<duckdb::BoundConjunctionExpression>());
      case ExpressionClass::BOUND_BETWEEN:
        return Between(filter.Cast<duckdb::BoundBetweenExpression>());
      case ExpressionClass::BOUND_OPERATOR:
        return Operator(filter.Cast<duckdb::BoundOperatorExpression>());
      case ExpressionClass::BOUND_FUNCTION:
        return Function(filter.Cast<duckdb::BoundFunctionExpression>());
      case ExpressionClass::BOUND_COLUMN_REF: {  // WHERE flag
        const auto column = Column(filter);
        if (!column || filter.return_type.id() != LogicalTypeId::BOOLEAN) return std::nullopt;
        return Predicate::Compare(Predicate::Op::kEq, *column, true);
      }
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<std::string> Column(const duckdb::Expression& expression) const {
    if (expression.GetExpressionClass() != ExpressionClass::BOUND_COLUMN_REF) return std::nullopt;
    return column_of_(expression.Cast<duckdb::BoundColumnRefExpression>());
  }

  /// The value of a constant of exactly the type `type`; never NULL.
  std::optional<Scalar> Constant(const duckdb::Expression& expression,
                                 const duckdb::LogicalType& type) const {
    if (!expression.IsFoldable() || expression.return_type != type) return std::nullopt;
    duckdb::Value value;
    if (!duckdb::ExpressionExecutor::TryEvaluateScalar(context_, expression, value) ||
        value.IsNull()) {
      return std::nullopt;
    }
    return ToScalar(value);
  }

  std::optional<Predicate> Compare(const duckdb::Expression& column_side,
                                   const duckdb::Expression& constant_side,
                                   ExpressionType type) const {
    const auto column = Column(column_side);
    const auto op = CompareOp(type);
    if (!column || !op) return std::nullopt;
    auto value = Constant(constant_side, column_side.return_type);
    if (!value) return std::nullopt;
    return Predicate::Compare(*op, *column, std::move(*value));
  }

  std::optional<Predicate> Comparison(const duckdb::BoundComparisonExpression& comparison) const {
    const ExpressionType type = comparison.GetExpressionType();
    if (auto direct = Compare(*comparison.left, *comparison.right, type)) return direct;
    return Compare(*comparison.right, *comparison.left, duckdb::FlipComparisonExpression(type));
  }

  std::optional<Predicate> Conjunction(
      const duckdb::BoundConjunctionExpression& conjunction) const {
    const bool is_and = conjunction.GetExpressionType() == ExpressionType::CONJUNCTION_AND;
    std::vector<Predicate> children;
    for (const auto& child : conjunction.children) {
      auto converted = Convert(*child);
      if (converted) {
        children.push_back(std::move(*converted));
      } else if (!is_and || mode_ == Mode::kExact) {
        return std::nullopt;
      }
    }
    if (children.empty()) return std::nullopt;
    return Predicate{
        is_and ? Predicate::Op::kAnd : Predicate::Op::kOr, {}, {}, std::move(children)};
  }

  std::optional<Predicate> Between(const duckdb::BoundBetweenExpression& between) const {
    auto lower = Compare(*between.input, *between.lower, between.LowerComparisonType());
    auto upper = Compare(*between.input, *between.upper, between.UpperComparisonType());
    if (lower && upper) return Predicate::And({std::move(*lower), std::move(*upper)});
    if (mode_ == Mode::kExact) return std::nullopt;
    return lower ? lower : upper;
  }

  std::optional<Predicate> Operator(const duckdb::BoundOperatorExpression& op) const {
    switch (op.GetExpressionType()) {
      case ExpressionType::OPERATOR_IS_NULL:
      case ExpressionType::OPERATOR_IS_NOT_NULL: {
        const auto column = Column(*op.children[0]);
        if (!column) return std::nullopt;
        return Predicate{op.GetExpressionType() == ExpressionType::OPERATOR_IS_NULL
                             ? Predicate::Op::kIsNull
                             : Predicate::Op::kIsNotNull,
                         *column,
                         {},
                         {}};
      }
      case ExpressionType::OPERATOR_NOT: {
        const Converter exact(context_, column_of_, Mode::kExact);
        auto child = exact.Convert(*op.children[0]);
        if (!child) return std::nullopt;
        return Predicate{Predicate::Op::kNot, {}, {}, {std::move(*child)}};
      }
      case ExpressionType::COMPARE_IN: {
        const auto column = Column(*op.children[0]);
        if (!column) return std::nullopt;
        Predicate result{Predicate::Op::kIn, *column, {}, {}};
        for (size_t i = 1; i < op.children.size(); ++i) {
          auto value = Constant(*op.children[i], op.children[0]->return_type);
          if (!value) return std::nullopt;
          result.values.push_back(std::move(*value));
        }
        return result;
      }
      default:
        return std::nullopt;
    }
  }

  std::optional<Predicate> Function(const duckdb::BoundFunctionExpression& function) const {
    const std::string& name = function.function.name;
    if (function.children.size() != 2) return std::nullopt;
    const bool prefix = name == "prefix" || name == "starts_with" || name == "^@";
    if (!prefix && name != "~~") return std::nullopt;
    const auto column = Column(*function.children[0]);
    auto value = Constant(*function.children[1], duckdb::LogicalType::VARCHAR);
    if (!column || !value || function.children[0]->return_type != duckdb::LogicalType::VARCHAR) {
      return std::nullopt;
    }
    std::string text = std::get<std::string>(*value);
    if (!prefix) {
      const size_t special = text.find_first_of("%_\\");
      if (special == std::string::npos) {
        return Predicate::Compare(Predicate::Op::kEq, *column, text);
      }
      const bool only_tail = special + 1 == text.size() && text.back() == '%';
      if (special == 0 || text[special] == '\\') return std::nullopt;
      if (!only_tail && mode_ == Mode::kExact) return std::nullopt;
      text.resize(special);
    }
    return Predicate::Compare(Predicate::Op::kStartsWith, *column, std::move(text));
  }

  duckdb::ClientContext& context_;
  const ColumnOf& column_of_;
  const Mode mode_;
};

}  // namespace

std::optional<Scalar> ToScalar(const duckdb::Value& value) {
  switch (value.type().id()) {
    case LogicalTypeId::BOOLEAN:
      return Scalar(value.GetValue<bool>());
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::INTEGER:
    case LogicalTypeId::BIGINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::UINTEGER:
      return Scalar(value.GetValue<int64_t>());
    case LogicalTypeId::DATE: {
      const auto date = value.GetValue<duckdb::date_t>();
      if (!duckdb::Date::IsFinite(date)) return std::nullopt;
      return Scalar(static_cast<int64_t>(date.days));
    }
    case LogicalTypeId::TIME:
      return Scalar(value.GetValue<duckdb::dtime_t>().micros);
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ: {
      const auto time = value.GetValueUnsafe<duckdb::timestamp_t>();
      if (!duckdb::Timestamp::IsFinite(time)) return std::nullopt;
      return Scalar(time.value);
    }
    case LogicalTypeId::TIMESTAMP_NS: {
      const auto time = value.GetValueUnsafe<duckdb::timestamp_ns_t>();
      if (!duckdb::Timestamp::IsFinite(time)) return std::nullopt;
      return Scalar(time.value);
    }
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE:
      return Scalar(value.GetValue<double>());
    case LogicalTypeId::VARCHAR:
    case LogicalTypeId::BLOB:
      return Scalar(duckdb::StringValue::Get(value));
    case LogicalTypeId::DECIMAL: {
      Int128 unscaled;
      switch (value.type().InternalType()) {
        case duckdb::PhysicalType::INT128: {
          const auto wide = value.GetValueUnsafe<duckdb::hugeint_t>();
          unscaled.high = wide.upper;
          unscaled.low = wide.lower;
          return Scalar(unscaled);
        }
        case duckdb::PhysicalType::INT64: {
          const auto narrow = value.GetValueUnsafe<int64_t>();
          return Scalar(Int128{narrow < 0 ? -1 : 0, static_cast<uint64_t>(narrow)});
        }
        case duckdb::PhysicalType::INT32: {
          const int64_t narrow = value.GetValueUnsafe<int32_t>();
          return Scalar(Int128{narrow < 0 ? -1 : 0, static_cast<uint64_t>(narrow)});
        }
        default: {
          const int64_t narrow = value.GetValueUnsafe<int16_t>();
          return Scalar(Int128{narrow < 0 ? -1 : 0, static_cast<uint64_t>(narrow)});
        }
      }
    }
    default:
      return std::nullopt;
  }
}

std::optional<Predicate> ToExactPredicate(duckdb::ClientContext& context,
                                          const duckdb::Expression& filter,
                                          const ColumnOf& column_of) {
  return Converter(context, column_of, Converter::Mode::kExact).Convert(filter);
}

Predicate ToPruningPredicate(duckdb::ClientContext& context,
                             const duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters,
                             const ColumnOf& column_of) {
  const Converter converter(context, column_of, Converter::Mode::kPrune);
  std::vector<Predicate> parts;
  for (const auto& filter : filters) {
    auto converted = converter.Convert(*filter);
    if (converted) parts.push_back(std::move(*converted));
  }
  if (parts.empty()) return Predicate::True();
  if (parts.size() == 1) return std::move(parts[0]);
  return Predicate::And(std::move(parts));
}

}  // namespace tarn::duck

#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/transform/model.h"

namespace tarn {

/// Models by what they need. Borrowed models must outlive it.
/// Threads: immutable after Build.
class ModelGraph {
 public:
  /// Links models whose inputs, of queries or checks, name one another. Names that no model has are
  /// left to the catalog. Errors: InvalidArgument for a cycle, told as a path `a → b → a` with the
  /// files.
  static Result<ModelGraph> Build(const std::vector<Model>& models);

  /// Indexes of all models, inputs before what needs them; independent ones by name.
  const std::vector<size_t>& order() const { return order_; }
  /// Models that `model` or its checks read.
  const std::vector<size_t>& inputs(size_t model) const { return inputs_[model]; }
  /// Models that read `model`, or whose checks do.
  const std::vector<size_t>& dependents(size_t model) const { return dependents_[model]; }

  /// The models that selectors name: "gold.x", "gold.*", "+gold.x" with all it needs, "gold.x+"
  /// with all that needs it, "+gold.x+" both. No selector: all. In running order. Errors: NotFound
  /// for a selector that matches nothing, with the nearest name.
  Result<std::vector<size_t>> Select(const std::vector<std::string>& selectors) const;

  /// `roots` and everything downstream of them, in running order.
  std::vector<size_t> Downstream(const std::set<size_t>& roots) const;
  const std::vector<Model>& models() const { return *models_; }

 private:
  void Walk(size_t start, const std::vector<std::vector<size_t>>& edges,
            std::set<size_t>* reached) const;
  std::vector<size_t> Ordered(const std::set<size_t>& wanted) const;

  const std::vector<Model>* models_ = nullptr;
  std::vector<std::vector<size_t>> inputs_, dependents_;
  std::vector<size_t> order_;
};

}  // namespace tarn

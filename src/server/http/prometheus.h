#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarn {

/// Numbers in Prometheus' text format, version 0.0.4. A metric's samples follow its head.
class PrometheusText {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;

  static constexpr char kContentType[] = "text/plain; version=0.0.4; charset=utf-8";

  /// `type`: "counter" or "gauge".
  void Metric(std::string_view name, std::string_view type, std::string_view help);
  /// Of the metric begun last. Whole numbers up to 2^53 keep all their digits.
  void Sample(double value, const Labels& labels = {});

  const std::string& text() const { return text_; }

 private:
  std::string name_;
  std::string text_;
};

}  // namespace tarn

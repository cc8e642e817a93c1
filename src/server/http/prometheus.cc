#include "server/http/prometheus.h"

#include <cmath>
#include <cstdio>

namespace tarn {
namespace {

/// Backslash and line feed in both, the quote in labels only.
void AppendEscaped(std::string_view text, bool label, std::string* out) {
  for (const char c : text) {
    if (c == '\\') {
      *out += "\\\\";
    } else if (c == '\n') {
      *out += "\\n";
    } else if (c == '"' && label) {
      *out += "\\\"";
    } else {
      *out += c;
    }
  }
}

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[40];
  const bool whole = value == std::floor(value) && std::fabs(value) < 9.0e15;
  std::snprintf(text, sizeof(text), whole ? "%.0f" : "%.17g", value);
  return text;
}

}  // namespace

void PrometheusText::Metric(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " ";
  AppendEscaped(help, false, &text_);
  text_ += "\n# TYPE " + name_ + " " + std::string(type) + "\n";
}

void PrometheusText::Sample(double value, const Labels& labels) {
  text_ += name_;
  if (!labels.empty()) {
    char separator = '{';
    for (const auto& [label, content] : labels) {
      text_ += separator + label + "=\"";
      AppendEscaped(content, true, &text_);
      text_ += '"';
      separator = ',';
    }
    text_ += '}';
  }
  text_ += " " + NumberText(value) + "\n";
}

}  // namespace tarn

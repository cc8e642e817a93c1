#include "server/http/prometheus.h"

#include <gtest/gtest.h>

#include <limits>

namespace tarn {
namespace {

TEST(PrometheusTextTest, MetricsWithTheirSamples) {
  PrometheusText page;
  page.Metric("tarn_changes_total", "counter", "changes\\rows\nof sources");
  page.Sample(9'007'199'254'740'991.0, {{"source", "a\"b\\c\nd"}, {"table", "größe"}});
  page.Sample(0.25);
  page.Metric("tarn_lag", "gauge", "x");
  page.Sample(-1);
  page.Sample(std::numeric_limits<double>::infinity());
  EXPECT_EQ(page.text(),
            "# HELP tarn_changes_total changes\\\\rows\\nof sources\n"
            "# TYPE tarn_changes_total counter\n"
            "tarn_changes_total{source=\"a\\\"b\\\\c\\nd\",table=\"größe\"} 9007199254740991\n"
            "tarn_changes_total 0.25\n"
            "# HELP tarn_lag x\n"
            "# TYPE tarn_lag gauge\n"
            "tarn_lag -1\n"
            "tarn_lag +Inf\n");
}

}  // namespace
}  // namespace tarn

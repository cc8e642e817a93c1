#pragma once

#include <string>
#include <utility>
#include <vector>

#include "source/mirror_test_support.h"
#include "source/postgres/pg_test_support.h"

namespace tarn::postgres {

/// See there.
struct Mirror : testing::Mirror {
  Mirror(const TestDatabase& db, const std::vector<std::string>& names,
         std::string capture = "tarn_test", std::map<std::string, std::string> types = {})
      : testing::Mirror(db.Open(std::move(types)), names, std::move(capture)) {}
  Mirror(const TestDatabase& db, const std::vector<std::string>& names, const Limits& limits_of)
      : testing::Mirror(db.Open({}, "", "postgres", limits_of), names, "tarn_test") {}
};

}  // namespace tarn::postgres

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
         std::string capture = "tarn_test")
      : testing::Mirror(db.Open(), names, std::move(capture)) {}
};

}  // namespace tarn::postgres

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "source/mirror_test_support.h"
#include "source/mysql/my_test_support.h"

namespace tarn::mysql {

/// See there. `names` of tables of the database.
struct Mirror : testing::Mirror {
  Mirror(const TestDatabase& db, const std::vector<std::string>& names,
         std::map<std::string, std::string> types = {})
      : testing::Mirror(db.Open(std::move(types)), names) {}
};

}  // namespace tarn::mysql

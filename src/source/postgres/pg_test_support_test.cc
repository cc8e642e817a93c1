#include "source/postgres/pg_test_support.h"

namespace tarn::postgres {

std::unique_ptr<Source> TestDatabase::Open(std::map<std::string, std::string> types,
                                           const std::string& numeric, const std::string& user,
                                           Limits limits) const {
  PostgresOptions options;
  options.name = "test";
  options.url = server.Url(database, user);
  options.types = std::move(types);
  options.numeric = numeric;
  options.describe_cache_ms = describe_cache_ms;
  return Must(OpenPostgresSource(std::move(options), limits));
}

}  // namespace tarn::postgres

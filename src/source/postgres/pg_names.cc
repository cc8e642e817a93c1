#include "source/postgres/pg_names.h"

namespace tarn::postgres {

std::string QuoteName(const SourceTableName& name) {
  return QuoteIdentifier(name.schema) + "." + QuoteIdentifier(name.name);
}

}  // namespace tarn::postgres

#include "sql/duckdb/engine_state.h"

namespace tarn::duck {

duckdb::shared_ptr<SessionState> SessionState::Find(duckdb::ClientContext& context) {
  return context.registered_state->Get<SessionState>(kKey);
}

}  // namespace tarn::duck

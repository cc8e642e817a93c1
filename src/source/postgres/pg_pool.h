#pragma once

#include "source/connection_pool.h"
#include "source/postgres/pg_connection.h"

namespace tarn::postgres {

using Pool = ConnectionPool<Connection, ConnectionSpec, SessionSettings>;

}  // namespace tarn::postgres

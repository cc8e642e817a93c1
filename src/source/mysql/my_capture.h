#pragma once

#include <memory>

#include "source/change_capture.h"
#include "source/mysql/my_snapshot.h"

namespace tarn::mysql {

/// The binary log of MySQL from 8.0 on and MariaDB from 10.5 on. Nothing is made in the server.
std::unique_ptr<ChangeCapture> MakeCapture(std::shared_ptr<const Context> context);

}  // namespace tarn::mysql

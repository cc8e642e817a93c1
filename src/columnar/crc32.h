#pragma once

#include <cstdint>
#include <string_view>

namespace tarn {

/// CRC-32 as zlib, Puffin and Parquet have it (ISO 3309, reflected polynomial 0xEDB88320).
uint32_t Crc32(std::string_view bytes);

}  // namespace tarn

#include "base/hash.h"

#include <cstdio>

namespace tarn {
namespace {

uint64_t Fnv1a(std::string_view bytes, uint64_t hash) {
  for (unsigned char byte : bytes) {
    hash ^= byte;
    hash *= 0x100000001b3ULL;
  }
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93ULL;
  return hash ^ (hash >> 32);
}

}  // namespace

uint64_t Hash64(std::string_view bytes) { return Fnv1a(bytes, 0xcbf29ce484222325ULL); }

std::string HexHash(std::string_view bytes) {
  char text[33];
  std::snprintf(text, sizeof(text), "%016llx%016llx",
                static_cast<unsigned long long>(Hash64(bytes)),
                static_cast<unsigned long long>(Fnv1a(bytes, 0x9ae16a3b2f90404fULL)));
  return text;
}

}  // namespace tarn

// For LD_PRELOAD: the wall clock of one process, as many seconds off as stand in the file that
// CLOCK_SHIFT names. The file is read at every call: whoever writes to it sets the clock of a
// running process. The monotonic clock goes on as it did.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

int64_t ShiftSeconds() {
  static const char* const path = std::getenv("CLOCK_SHIFT");
  if (path == nullptr) return 0;
  const int before = errno;
  char text[32] = {};
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    if (::read(file, text, sizeof(text) - 1) < 0) text[0] = '\0';
    ::close(file);
  }
  errno = before;
  return std::strtoll(text, nullptr, 10);
}

using ClockGettime = int (*)(clockid_t, timespec*);

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static const auto real = reinterpret_cast<ClockGettime>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = real(clock, now);
  const bool is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result == 0 && is_wall) now->tv_sec += ShiftSeconds();
  return result;
}

extern "C" int gettimeofday(timeval* now, void*) noexcept {
  timespec precise{};
  const int result = clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return result;
}

extern "C" time_t time(time_t* now) noexcept {
  timespec precise{};
  clock_gettime(CLOCK_REALTIME, &precise);
  if (now != nullptr) *now = precise.tv_sec;
  return precise.tv_sec;
}

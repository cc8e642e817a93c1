#include "columnar/arrow_input.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include <arrow/buffer.h>
#include <arrow/status.h>

namespace tarn {

namespace {

/// The end of an object that comes with its first request: the footer of most data files.
constexpr int64_t kTailBytes = 128 << 10;
/// An object of up to so many bytes comes whole.
constexpr int64_t kSmallObjectBytes = 1 << 20;

}  // namespace

ArrowInput::ArrowInput(ObjectStore& store, std::string key, int64_t size_bytes)
    : store_(store), key_(std::move(key)), size_bytes_(size_bytes) {}
ArrowInput::~ArrowInput() = default;

arrow::Status ArrowInput::Close() {
  closed_ = true;
  tail_ = {};
  windows_.clear();
  return arrow::Status::OK();
}

arrow::Status ArrowInput::Seek(int64_t position) {
  if (position < 0 || position > size_bytes_) return arrow::Status::Invalid("seek out of bounds");
  position_ = position;
  return arrow::Status::OK();
}

arrow::Result<int64_t> ArrowInput::Read(int64_t size, void* out) {
  ARROW_ASSIGN_OR_RAISE(const int64_t read, ReadAt(position_, size, out));
  position_ += read;
  return read;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> ArrowInput::Read(int64_t size) {
  ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, size));
  position_ += buffer->size();
  return buffer;
}

arrow::Result<int64_t> ArrowInput::Clamp(int64_t position, int64_t size) const {
  if (closed_) return arrow::Status::Invalid("the file is closed");
  if (position < 0 || position > size_bytes_ || size < 0) {
    return arrow::Status::Invalid("a read of ", size, " bytes at ", position,
                                  " does not lie within the ", size_bytes_, " bytes of the file");
  }
  return std::min(size, size_bytes_ - position);
}

arrow::Result<std::shared_ptr<arrow::Buffer>> ArrowInput::Fetch(int64_t position, int64_t size) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(size));
  if (failure_.ok()) {
    failure_ = store_.ReadRange(
        key_, position,
        {reinterpret_cast<char*>(buffer->mutable_data()), static_cast<size_t>(size)});
  }
  if (!failure_.ok()) return arrow::Status::IOError(failure_.error().message);
  return buffer;
}

arrow::Result<const ArrowInput::Window*> ArrowInput::Find(int64_t position, int64_t size) {
  auto has = [&](const Window& window) {
    return window.bytes != nullptr && window.begin <= position &&
           position + size <= window.begin + window.bytes->size();
  };
  for (const Window& window : windows_) {
    if (has(window)) return &window;
  }
  const int64_t tail_bytes =
      size_bytes_ <= kSmallObjectBytes ? size_bytes_ : std::min(kTailBytes, size_bytes_);
  if (tail_.bytes == nullptr && position >= size_bytes_ - tail_bytes) {
    ARROW_ASSIGN_OR_RAISE(tail_.bytes, Fetch(size_bytes_ - tail_bytes, tail_bytes));
    tail_.begin = size_bytes_ - tail_bytes;
  }
  return has(tail_) ? &tail_ : nullptr;
}

arrow::Result<int64_t> ArrowInput::ReadAt(int64_t position, int64_t size, void* out) {
  ARROW_ASSIGN_OR_RAISE(size, Clamp(position, size));
  if (size == 0) return size;
  ARROW_ASSIGN_OR_RAISE(const Window* window, Find(position, size));
  if (window != nullptr) {
    std::memcpy(out, window->bytes->data() + (position - window->begin), static_cast<size_t>(size));
    return size;
  }
  if (failure_.ok()) {
    failure_ = store_.ReadRange(key_, position,
                                std::span(static_cast<char*>(out), static_cast<size_t>(size)));
  }
  if (!failure_.ok()) return arrow::Status::IOError(failure_.error().message);
  return size;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> ArrowInput::ReadAt(int64_t position, int64_t size) {
  ARROW_ASSIGN_OR_RAISE(size, Clamp(position, size));
  if (size == 0) return std::make_shared<arrow::Buffer>(nullptr, 0);
  ARROW_ASSIGN_OR_RAISE(const Window* window, Find(position, size));
  if (window != nullptr) return arrow::SliceBuffer(window->bytes, position - window->begin, size);
  return Fetch(position, size);
}

arrow::Status ArrowInput::Preload(const std::vector<arrow::io::ReadRange>& ranges) {
  windows_.clear();
  for (const arrow::io::ReadRange& range : ranges) {
    ARROW_ASSIGN_OR_RAISE(const int64_t size, Clamp(range.offset, range.length));
    if (size == 0) continue;
    // Find() looks at the object's end first, so that a small object is not fetched twice.
    ARROW_ASSIGN_OR_RAISE(const Window* window, Find(range.offset, size));
    if (window != nullptr) continue;
    ARROW_ASSIGN_OR_RAISE(auto bytes, Fetch(range.offset, size));
    windows_.push_back({range.offset, std::move(bytes)});
  }
  return arrow::Status::OK();
}

}  // namespace tarn

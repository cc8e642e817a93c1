#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace tarn::sim {

/// One of several stacks that one thread runs on in turn. The sanitizers are told of every change.
/// Threads: one.
class Stack {
 public:
  /// The one that the thread has by itself.
  Stack();
  /// Another one: `body` begins with the first SwitchTo(), and ends in a SwitchTo() for good.
  explicit Stack(std::function<void()> body);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  enum class Leave { kForNow, kForGood };
  /// From this one, which is in use; returns when somebody switches back.
  void SwitchTo(Stack& to, Leave leave);

 private:
  static void Begin();
  void Arrived();

  static Stack* left_;
  static Stack* entered_;
  const std::function<void()> body_;
  std::unique_ptr<char[]> bytes_;
  ucontext_t place_ = {};
  /// What asan and tsan know it by.
  const void* bottom_ = nullptr;
  size_t size_ = 0;
  void* fake_stack_ = nullptr;
  void* fiber_ = nullptr;
};

}  // namespace tarn::sim

#include "sim/stack.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

#include <utility>

#include "base/check.h"

namespace tarn::sim {
namespace {

constexpr size_t kStackBytes = size_t{1} << 20;

}  // namespace

Stack* Stack::left_ = nullptr;
Stack* Stack::entered_ = nullptr;

Stack::Stack() {
#if defined(__SANITIZE_THREAD__)
  fiber_ = __tsan_get_current_fiber();
#endif
}

Stack::Stack(std::function<void()> body)
    : body_(std::move(body)),
      bytes_(new char[kStackBytes]),  // not zeroed: what is never touched costs nothing
      bottom_(bytes_.get()),
      size_(kStackBytes) {
  TARN_CHECK(::getcontext(&place_) == 0);
  place_.uc_stack.ss_sp = bytes_.get();
  place_.uc_stack.ss_size = kStackBytes;
  place_.uc_link = nullptr;
  ::makecontext(&place_, &Stack::Begin, 0);
#if defined(__SANITIZE_THREAD__)
  fiber_ = __tsan_create_fiber(0);
#endif
}

Stack::~Stack() {
#if defined(__SANITIZE_THREAD__)
  if (bytes_ != nullptr) __tsan_destroy_fiber(fiber_);
#endif
}

void Stack::SwitchTo(Stack& to, [[maybe_unused]] Leave leave) {
  left_ = this;
  entered_ = &to;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(leave == Leave::kForGood ? nullptr : &fake_stack_, to.bottom_,
                                 to.size_);
#elif defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(to.fiber_, 0);
#endif
  TARN_CHECK(::swapcontext(&place_, &to.place_) == 0);
  Arrived();
}

void Stack::Begin() {
  Stack& self = *entered_;
  self.Arrived();
  self.body_();
  TARN_CHECK(false);  // it has not left for good
}

void Stack::Arrived() {
#if defined(__SANITIZE_ADDRESS__)
  // Tells where the thread's own stack lies, when that is the one which was left.
  __sanitizer_finish_switch_fiber(fake_stack_, &left_->bottom_, &left_->size_);
#endif
}

}  // namespace tarn::sim

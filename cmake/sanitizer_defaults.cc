// Options and suppressions of the sanitizers, compiled into every sanitized program, so that they
// hold however it is started. ASAN_OPTIONS, LSAN_OPTIONS, UBSAN_OPTIONS and TSAN_OPTIONS of the
// environment are laid over them.
//
// DuckDB, Arrow and Debian's libraries are not instrumented: what is suppressed below is theirs,
// each with its reason. Nothing of our own code is suppressed.

extern "C" {

// Weak: a program with limits of its own defines it again.
__attribute__((weak)) const char* __asan_default_options() { return "strict_string_checks=1"; }

const char* __ubsan_default_options() { return "print_stacktrace=1"; }

const char* __lsan_default_options() { return "print_suppressions=0"; }

const char* __lsan_default_suppressions() { return ""; }

const char* __tsan_default_options() { return "second_deadlock_stack=1"; }

// Their threads synchronise by atomics too, which tsan does not see; their locks it does: what our
// code unlocks was locked by them. The allocator within Arrow (mimalloc) is locked by code that is
// not instrumented, and unlocked when the process ends; what an Arrow object holds is released by
// Arrow, whose count of its owners is one of those atomics.
const char* __tsan_default_suppressions() {
  return "mutex:_dl_call_fini\n"
         "race:libduckdb.so\n"
         "race:libarrow.so\n"
         "race:std::__shared_ptr<arrow::\n"
         "race:libparquet.so\n";
}

}  // extern "C"

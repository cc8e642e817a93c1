# How our own code is compiled. Third-party headers come as SYSTEM includes and are not held to this.
include_guard(GLOBAL)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION OFF)

# No NDEBUG anywhere: our assertions stay on in every build.
set(CMAKE_CXX_FLAGS_RELEASE "-O2" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g" CACHE STRING "" FORCE)
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g" CACHE STRING "" FORCE)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

set(TARN_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")
option(TARN_WERROR "Warnings are errors in our own code" ON)
option(TARN_CCACHE "Compile through ccache if it is installed" ON)
option(TARN_MOLD "Link with mold if it is installed" ON)
option(TARN_UNITY "Compile several files of a module as one: cheaper from scratch, dearer after a change" OFF)
option(TARN_FUZZ "Build fuzz/ with clang's libFuzzer" OFF)

# Paths in messages, assertions and debug information start at the repository's root on every machine; the second form
# is the one that ccache makes of paths below the repository.
file(RELATIVE_PATH tarn_root_from_build "${CMAKE_BINARY_DIR}" "${CMAKE_SOURCE_DIR}/")
string(REGEX REPLACE "/$" "" tarn_root_from_build "${tarn_root_from_build}")
set(tarn_prefix_maps "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=" "-ffile-prefix-map=${tarn_root_from_build}/=")

add_library(tarn_compile INTERFACE)
target_include_directories(tarn_compile INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_options(
  tarn_compile
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wformat=2 -Wvla
            -Wextra-semi -Wundef -Wunused -Wcast-align
            ${tarn_prefix_maps})
if(TARN_WERROR)
  target_compile_options(tarn_compile INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # These look through inlined library code; g++ 12 reports correct uses of std::string, std::vector, std::variant and
  # std::optional at -O1 and above.
  target_compile_options(
    tarn_compile INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread
                           -Wno-array-bounds -Wno-dangling-pointer -Wno-free-nonheap-object)
endif()

set(TARN_TEST_SECONDS_MAX 300)
if(TARN_SANITIZE)
  set(TARN_TEST_SECONDS_MAX 1200)
  # -g1: lines for the stacks of what is found, and nothing for a debugger. The library's assertions see the index beyond
  # a vector's size but within its capacity, which is no overflow to asan.
  target_compile_options(tarn_compile INTERFACE "-fsanitize=${TARN_SANITIZE}" -fno-omit-frame-pointer -g1)
  target_compile_definitions(tarn_compile INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(tarn_compile INTERFACE "-fsanitize=${TARN_SANITIZE}")
  if(TARN_SANITIZE MATCHES "undefined")
    # vptr compares type information across the prebuilt libraries, which are not instrumented.
    target_compile_options(tarn_compile INTERFACE -fno-sanitize=vptr -fno-sanitize-recover=all)
    target_link_options(tarn_compile INTERFACE -fno-sanitize=vptr)
  endif()
  if(TARN_SANITIZE MATCHES "thread")
    # Boost.Asio's fences, which tsan does not follow, stand beside atomics, which it does.
    target_compile_options(tarn_compile INTERFACE -Wno-tsan)
  endif()
  add_library(tarn_sanitizer_defaults OBJECT "${CMAKE_SOURCE_DIR}/cmake/sanitizer_defaults.cc")
endif()
if(TARN_UNITY)
  find_program(TARN_PYTHON python3 REQUIRED)
  # It takes files that a unit includes for headers.
  target_compile_options(tarn_compile INTERFACE -Wno-subobject-linkage)
endif()

if(TARN_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "TARN_FUZZ needs clang: cmake --preset fuzz")
  endif()
  target_compile_options(tarn_compile INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(TARN_CCACHE_PROGRAM ccache)
if(TARN_CCACHE AND TARN_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # One cache for every build folder: no working directory in the key, and paths made relative to the build folder. For a
  # build folder inside the repository those below the repository, so that clones share; else all, so that folders beside
  # one another share.
  cmake_path(IS_PREFIX CMAKE_SOURCE_DIR "${CMAKE_BINARY_DIR}" inside)
  if(inside)
    set(ccache_base "${CMAKE_SOURCE_DIR}")
  else()
    set(ccache_base "/")
  endif()
  # pch_defines and time_macros are what ccache demands before it caches units that use a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_NOHASHDIR=1;CCACHE_BASEDIR=${ccache_base};CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime;${TARN_CCACHE_PROGRAM}"
  )
endif()

find_program(TARN_MOLD_PROGRAM mold)
if(TARN_MOLD AND TARN_MOLD_PROGRAM AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(-fuse-ld=mold)
endif()
add_link_options(-Wl,--as-needed)

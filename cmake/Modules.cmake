# One call in a folder of src/ makes a module:
#
#   tarn_module(storage_s3
#     DEPS storage base                # other modules, by the name of their own call, in any order
#     LIBS tarn::arrow_s3 tarn::curl   # third-party libraries of cmake/Dependencies.cmake
#     TEST_DEPS storage_memory         # modules that only the tests use
#     TEST_LIBS tarn::json             # libraries that only the tests use
#     TEST_GLOB ../x/*_test.cc         # further test sources, relative to the folder
#     PCH duckdb.hpp memory)           # headers to precompile for this module and its tests
#
# *.cc of the folder (not of its subfolders) become the static library tarn_<name>; *_test.cc become the executable
# bin/<name>_test, each of whose cases ctest knows under the label `unit`; main.cc is left to tarn_executable().
include_guard(GLOBAL)
include(GoogleTest)

if(BUILD_TESTING)
  add_custom_target(unit_tests COMMENT "Every program that ctest runs")
endif()

set_property(GLOBAL PROPERTY TARN_MODULES "")
set_property(GLOBAL PROPERTY TARN_WANTED "")

# Sets <out> to what is compiled for <sources> of <target>: themselves, or units that include several of them.
function(_tarn_units target out)
  set(units ${ARGN})
  if(TARN_UNITY)
    list(TRANSFORM units REPLACE "^([^/].*)$" "${CMAKE_CURRENT_SOURCE_DIR}/\\1")
    execute_process(
      COMMAND "${TARN_PYTHON}" "${CMAKE_SOURCE_DIR}/cmake/unity.py" "${CMAKE_SOURCE_DIR}"
              "${CMAKE_CURRENT_BINARY_DIR}/${target}.units" ${units}
      OUTPUT_VARIABLE units COMMAND_ERROR_IS_FATAL ANY)
  endif()
  set(${out} "${units}" PARENT_SCOPE)
endfunction()

# What every program has. Sanitized ones carry the sanitizers' options in themselves. libparquet brings an OpenSSL of its
# own and exports it: the system's is looked up first, or the clients of databases and libcurl call halves of both.
function(_tarn_program target folder)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}${folder}")
  target_link_options(${target} PRIVATE "LINKER:--push-state,--no-as-needed,-lssl,-lcrypto,--pop-state")
  target_link_libraries(${target} PRIVATE tarn_compile ${ARGN} tarn::threads)
  if(TARN_SANITIZE)
    target_sources(${target} PRIVATE "$<TARGET_OBJECTS:tarn_sanitizer_defaults>")
  endif()
endfunction()

function(_tarn_modules_to_targets out)
  set(targets "")
  foreach(dep IN LISTS ARGN)
    list(APPEND targets "tarn_${dep}")
    set_property(GLOBAL APPEND PROPERTY TARN_WANTED "${dep}")
  endforeach()
  set(${out} "${targets}" PARENT_SCOPE)
endfunction()

# Precompiled headers of <target>: those of <from> again, or the headers named after it.
# -fpch-preprocess is what ccache needs from g++ to see through one.
function(_tarn_pch target from)
  if((ARGN OR from) AND NOT TARN_FUZZ)
    if(from)
      target_precompile_headers(${target} REUSE_FROM ${from})
    else()
      list(TRANSFORM ARGN REPLACE "^([^<].*)$" "<\\1>")
      target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -fpch-preprocess)
    endif()
  endif()
endfunction()

# A gtest executable bin/<target>, its cases registered with ctest. Tests run with the repository's root as working
# directory, so "src/x/testdata/…" finds the file on every machine.
function(tarn_test target)
  cmake_parse_arguments(arg "" "LABEL;PCH_FROM" "SOURCES;DEPS;LIBS" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  _tarn_modules_to_targets(deps ${arg_DEPS})
  _tarn_units(${target} units ${arg_SOURCES})
  add_executable(${target} ${units})
  _tarn_program(${target} /bin ${deps} ${arg_LIBS} tarn::gtest_main)
  _tarn_pch(${target} "${arg_PCH_FROM}")
  add_dependencies(unit_tests ${target})
  gtest_discover_tests(
    ${target}
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 60
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}"
    PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${TARN_TEST_SECONDS_MAX})
endfunction()

function(tarn_module name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS;TEST_DEPS;TEST_LIBS;TEST_GLOB;PCH" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "tarn_module(${name}): not understood: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set_property(GLOBAL APPEND PROPERTY TARN_MODULES "${name}")
  set(target "tarn_${name}")
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  file(GLOB tests CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc")
  foreach(pattern IN LISTS arg_TEST_GLOB)
    file(GLOB more CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${pattern}")
    list(APPEND tests ${more})
  endforeach()
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")

  _tarn_modules_to_targets(deps ${arg_DEPS})
  if(sources)
    _tarn_units(${target} units ${sources})
    add_library(${target} STATIC ${units})
    target_link_libraries(${target} PUBLIC tarn_compile ${deps} ${arg_LIBS})
    if(arg_PCH)
      _tarn_pch(${target} "" ${arg_PCH})
      set(pch_from PCH_FROM ${target})
    endif()
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE tarn_compile ${deps} ${arg_LIBS})
  endif()

  if(tests)
    tarn_test(${name}_test SOURCES ${tests} DEPS ${name} ${arg_TEST_DEPS} LIBS ${arg_TEST_LIBS} ${pch_from})
  endif()
endfunction()

# A program from main.cc (or SOURCES) of the folder, written to the top of the build folder: build/<name>.
function(tarn_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  if(NOT arg_SOURCES)
    set(arg_SOURCES main.cc)
  endif()
  _tarn_modules_to_targets(deps ${arg_DEPS})
  add_executable(${name} ${arg_SOURCES})
  _tarn_program(${name} "" ${deps} ${arg_LIBS})
endfunction()

# A Google Benchmark program bin/<name>; bench/CMakeLists.txt calls it.
function(tarn_bench name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  if(NOT TARGET tarn::benchmark)
    message(STATUS "${name}: no Google Benchmark, left out")
    return()
  endif()
  _tarn_modules_to_targets(deps ${arg_DEPS})
  add_executable(${name} ${arg_SOURCES})
  _tarn_program(${name} /bin ${deps} ${arg_LIBS} tarn::benchmark)
endfunction()

# A libFuzzer program bin/<name>; fuzz/CMakeLists.txt calls it, the fuzz preset builds it.
function(tarn_fuzz name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  if(NOT TARN_FUZZ)
    return()
  endif()
  _tarn_modules_to_targets(deps ${arg_DEPS})
  add_executable(${name} ${arg_SOURCES})
  _tarn_program(${name} /bin ${deps} ${arg_LIBS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()

# Says which DEPS name no module: the linker's own message (cannot find -ltarn_x) would not say who asked.
function(tarn_check_modules)
  get_property(have GLOBAL PROPERTY TARN_MODULES)
  get_property(wanted GLOBAL PROPERTY TARN_WANTED)
  list(REMOVE_DUPLICATES wanted)
  list(REMOVE_ITEM wanted ${have})
  foreach(name IN LISTS wanted)
    message(WARNING "DEPS names module ${name}, but no folder of src/ calls tarn_module(${name}): what needs it will not link")
  endforeach()
endfunction()

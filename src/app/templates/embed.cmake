# Turns the files below EXAMPLES (one folder a template) into OUTPUT, a C++ source that holds every byte of them.
#   cmake -DEXAMPLES=<folder> -DOUTPUT=<file.cc> -P embed.cmake
# The source names files by their path below EXAMPLES only. What running an example leaves in its folder is left out;
# src/app/templates/CMakeLists.txt uses the same list (template_files) as the dependencies of OUTPUT.

# Every file of every template, sorted, relative to <examples>.
function(template_files out examples)
  file(GLOB_RECURSE files LIST_DIRECTORIES false RELATIVE "${examples}" ${ARGN} "${examples}/*")
  list(FILTER files INCLUDE REGEX "/")  # files beside the templates belong to none
  list(FILTER files EXCLUDE REGEX "^[^/]+/(warehouse|state)(-[^/]*)?/")
  list(FILTER files EXCLUDE REGEX "/(\\.database|\\.ipynb_checkpoints|__pycache__)/")
  list(FILTER files EXCLUDE REGEX "(~|\\.swp|/\\.DS_Store)$")
  list(SORT files)
  set(${out} "${files}" PARENT_SCOPE)
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

template_files(files "${EXAMPLES}")
set(arrays "")
set(entries "")
set(number 0)
foreach(file IN LISTS files)
  string(REGEX MATCH "^([^/]+)/(.*)$" _ "${file}")
  set(name "${CMAKE_MATCH_1}")
  set(path "${CMAKE_MATCH_2}")
  execute_process(COMMAND test -x "${EXAMPLES}/${file}" RESULT_VARIABLE not_executable)
  if(not_executable)
    set(executable false)
  else()
    set(executable true)
  endif()
  file(SIZE "${EXAMPLES}/${file}" size)
  if(size EQUAL 0)
    set(bytes "{}")
  else()
    file(READ "${EXAMPLES}/${file}" hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND arrays "constexpr unsigned char kFile${number}[] = {\n${hex}};\n")
    set(bytes "Text(kFile${number})")
  endif()
  string(APPEND entries "    {R\"tarn(${name})tarn\", R\"tarn(${path})tarn\", ${bytes}, ${executable}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE "${OUTPUT}.new" "// Made by src/app/templates/embed.cmake from examples/.
#include <cstddef>

#include \"app/templates/templates.h\"

namespace tarn {
namespace {

template <size_t N>
std::string_view Text(const unsigned char (&bytes)[N]) {
  return {reinterpret_cast<const char*>(bytes), N};
}

${arrays}
}  // namespace

std::span<const TemplateFile> EmbeddedTemplates() {
  static const TemplateFile files[] = {
${entries}  };
  return files;
}

}  // namespace tarn
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")

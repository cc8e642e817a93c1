"""cmake/unity.py puts only such files into one unit as mean the same by every name."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "cmake"))

import unity  # noqa: E402


def source(tmp_path, name, text):
    path = tmp_path / "src" / "m" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return unity.Source(path)


def inside(text):
    """`text` as it would stand in an anonymous namespace of a file."""
    return f"namespace tarn {{\nnamespace {{\n{text}\n}}  // namespace\n}}  // namespace tarn\n"


@pytest.mark.parametrize("text, name", [
    ("int Count() { return 0; }", "Count"),
    ("std::function<void(int)> Call(std::vector<int> of) { return {}; }", "Call"),
    ("template <typename T>\nT Twice(T of) { return of + of; }", "Twice"),
    ("constexpr int kLimit = 3;", "kLimit"),
    ("const std::map<std::string, int> kTable{{\"a\", 1}};", "kTable"),
    ("struct Row { int id; };", "Row"),
    ("class Reader final : public Base { int Next() override; };", "Reader"),
    ("enum class Kind : int { kOne };", "Kind"),
    ("using Names = std::vector<std::string>;", "Names"),
    ("namespace inner { int Deep(); }", "Deep"),
    ("thread_local int depth = 0;", "depth"),
    ("char path[512];", "path"),
    ("MATCHER_P(HasName, name, \"\") { return arg.name == name; }", "HasName"),
    ("TEST_F(ReaderTest, Ends) {}", "ReaderTest_Ends_Test"),
])
def test_names_of_an_anonymous_namespace_are_the_files_own(tmp_path, text, name):
    assert source(tmp_path, "a.cc", inside(text)).local == {name}


@pytest.mark.parametrize("text, name", [
    ("#define TARN_COLUMNS \"a, \" \\\n  \"b\"\n", "TARN_COLUMNS"),
    ("namespace tarn {\nstatic int Count() { return 0; }\n}\n", "Count"),
    ("namespace tarn {\nconstexpr int kLimit = 3;\n}\n", "kLimit"),
])
def test_so_are_macros_and_what_is_static(tmp_path, text, name):
    assert source(tmp_path, "a.cc", text).local == {name}


def test_what_other_files_may_know_is_not(tmp_path):
    text = """namespace tarn {
const Schema& Table::schema() const { const int local = 1; static int once = local; return schema_; }
Status Open(const std::string& what) { if (what == "{") return {}; return Close('}'); }
// int Commented() {
namespace fs = std::filesystem;
Registry* Registry::instance_ = nullptr;
}  // namespace tarn
"""
    assert source(tmp_path, "a.cc", text).local == set()


def test_the_same_name_twice_is_a_clash_and_so_is_a_name_of_the_other_files_headers(tmp_path):
    one = source(tmp_path, "a.cc", inside("int Count() { return 0; }"))
    same = source(tmp_path, "b.cc", inside("long Count() { return 1; }"))
    calls = source(tmp_path, "c.cc", "namespace tarn { int Three() { return Count() + 3; } }")
    member = source(tmp_path, "d.cc", "namespace tarn { int Four(Table& t) { return t.Count() + Table::Count(); } }")
    assert one.clashes(same) and same.clashes(one)
    assert one.clashes(calls) and calls.clashes(one)
    assert not one.clashes(member)


def test_a_text_with_braces_does_not_end_a_body(tmp_path):
    text = inside('int A() { return Eval(R"sql({{{ " ;)sql"); }\nint B() { return \'{\' + 1\'000; }\nint C();')
    assert source(tmp_path, "a.cc", text).local == {"A", "B", "C"}


def test_units_hold_every_file_once_and_no_clash_and_are_the_same_in_every_clone(tmp_path, capsys):
    for name, text in {"a.cc": inside("int X();"), "b.cc": inside("int X();"), "c.cc": inside("int Y();")}.items():
        source(tmp_path, name, text)
    out = tmp_path / "build" / "m.units"
    out.mkdir(parents=True)
    (out / "7.cc").write_text("stale")
    files = [tmp_path / "src" / "m" / name for name in ("a.cc", "b.cc", "c.cc")]
    unity.main(tmp_path, out, files)
    assert capsys.readouterr().out == f"{out / '0.cc'};{out / '1.cc'}"
    assert {path.name: path.read_text() for path in out.iterdir()} == {
        "0.cc": '#include "m/a.cc"\n#include "m/c.cc"\n', "1.cc": '#include "m/b.cc"\n'}


def test_a_unit_has_a_limit_of_lines(tmp_path):
    sources = [source(tmp_path, f"{n}.cc", "\n" * (unity.LINES_MAX // 2)) for n in range(5)]
    assert [len(unit) for unit in unity.grouped(sources)] == [2, 2, 1]

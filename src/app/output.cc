#include "app/output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <set>

#include <arrow/api.h>
#include <arrow/io/api.h>
#include <arrow/ipc/api.h>

#include "app/parquet_output.h"
#include "app/value_text.h"
#include "columnar/variant_column.h"

namespace tarn {
namespace {

/// Rows that a table on a terminal shows from the head, and again from the tail.
constexpr size_t kTableHalf = 500;
constexpr int kCellWidthMax = 80;

Status WriteOut(std::string_view text, std::FILE* out) {
  if (std::fwrite(text.data(), 1, text.size(), out) == text.size()) return Status::Ok();
  return WriteError(errno);
}

std::string InOneLine(const std::string& text) {
  std::string shown;
  for (char c : text) {
    if (c == '\n') {
      shown += "\\n";
    } else if (c == '\t') {
      shown += "\\t";
    } else if (c == '\r') {
      shown += "\\r";
    } else {
      shown.push_back(c);
    }
  }
  return shown;
}

std::string Cell(const arrow::Array& array, int64_t row, const TimeZone* zone) {
  std::string text;
  if (array.IsNull(row)) return "NULL";
  AppendText(array, row, zone, &text);
  return InOneLine(text);
}

/// Cuts at a character boundary to at most kCellWidthMax columns.
std::string Fit(const std::string& text) {
  if (DisplayWidth(text) <= kCellWidthMax) return text;
  size_t end = 0;
  while (end < text.size()) {
    size_t next = end + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    if (DisplayWidth(text.substr(0, next)) > kCellWidthMax - 1) break;
    end = next;
  }
  return text.substr(0, end) + "…";
}

std::string Padded(const std::string& text, int width, bool right) {
  const int gap = std::max(0, width - DisplayWidth(text));
  return right ? std::string(gap, ' ') + text : text + std::string(gap, ' ');
}

Status PrintTable(Rows& rows, const TimeZone* zone, std::FILE* out) {
  const auto& schema = rows.schema();
  const size_t columns = schema->num_fields();
  std::vector<std::vector<std::string>> head_rows;
  std::deque<std::vector<std::string>> tail_rows;
  int64_t total = 0;
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, rows.Next());
    if (batch == nullptr) break;
    for (int64_t row = 0; row < batch->num_rows(); ++row, ++total) {
      std::vector<std::string> cells;
      for (size_t i = 0; i < columns; ++i) {
        cells.push_back(Fit(Cell(*batch->column(static_cast<int>(i)), row, zone)));
      }
      if (head_rows.size() < kTableHalf) {
        head_rows.push_back(std::move(cells));
      } else {
        tail_rows.push_back(std::move(cells));
        if (tail_rows.size() > kTableHalf) tail_rows.pop_front();
      }
    }
  }
  std::vector<int> widths(columns);
  std::vector<bool> right(columns);
  for (size_t i = 0; i < columns; ++i) {
    widths[i] = DisplayWidth(schema->field(static_cast<int>(i))->name());
    right[i] = IsNumeric(*schema->field(static_cast<int>(i))->type());
    for (const auto& row : head_rows) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
    for (const auto& row : tail_rows) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  auto line = [&](const auto& cell) {
    std::string text;
    for (size_t i = 0; i < columns; ++i) text += (i > 0 ? " | " : " ") + cell(i);
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text + "\n";
  };
  std::string text = line([&](size_t i) {
    return Padded(schema->field(static_cast<int>(i))->name(), widths[i], false);
  });
  for (size_t i = 0; i < columns; ++i) text += (i > 0 ? "+" : "") + std::string(widths[i] + 2, '-');
  text += "\n";
  for (const auto& row : head_rows) {
    text += line([&](size_t i) { return Padded(row[i], widths[i], right[i]); });
  }
  const int64_t hidden = total - static_cast<int64_t>(head_rows.size() + tail_rows.size());
  if (hidden > 0) text += " … " + std::to_string(hidden) + " rows not shown …\n";
  for (const auto& row : tail_rows) {
    text += line([&](size_t i) { return Padded(row[i], widths[i], right[i]); });
  }
  text += "(" + std::to_string(total) + (total == 1 ? " row)\n" : " rows)\n");
  return WriteOut(text, out);
}

void AppendCsv(std::string_view text, bool always_quote, std::string* out) {
  const bool quote = always_quote || text.find_first_of(",\"\r\n") != std::string_view::npos;
  if (!quote) {
    out->append(text);
    return;
  }
  out->push_back('"');
  for (char c : text) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

/// RFC 4180 with a head; NULL is an empty field, an empty text is "".
Status PrintCsv(Rows& rows, const TimeZone* zone, std::FILE* out) {
  const auto& schema = rows.schema();
  std::string text;
  for (int i = 0; i < schema->num_fields(); ++i) {
    if (i > 0) text.push_back(',');
    AppendCsv(schema->field(i)->name(), false, &text);
  }
  text.push_back('\n');
  TARN_RETURN_IF_ERROR(WriteOut(text, out));
  std::string value;
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, rows.Next());
    if (batch == nullptr) return Status::Ok();
    text.clear();
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      for (int i = 0; i < batch->num_columns(); ++i) {
        if (i > 0) text.push_back(',');
        const arrow::Array& column = *batch->column(i);
        if (column.IsNull(row)) continue;
        value.clear();
        AppendText(column, row, zone, &value);
        AppendCsv(value, value.empty(), &text);
      }
      text.push_back('\n');
    }
    TARN_RETURN_IF_ERROR(WriteOut(text, out));
  }
}

/// An array of objects, one a line.
Status PrintJson(Rows& rows, const TimeZone* zone, std::FILE* out) {
  const auto& schema = rows.schema();
  std::set<std::string> names;
  for (const auto& field : schema->fields()) {
    // Of a member that an object has twice, readers keep one.
    if (!names.insert(field->name()).second) {
      return InvalidArgument("two columns of the result are called " + field->name(),
                             "give them names of their own with AS, or write another --format");
    }
  }
  std::string text = "[";
  bool first = true;
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, rows.Next());
    if (batch == nullptr) break;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      text += first ? "\n{" : ",\n{";
      first = false;
      for (int i = 0; i < batch->num_columns(); ++i) {
        if (i > 0) text += ", ";
        AppendJsonString(schema->field(i)->name(), &text);
        text += ": ";
        AppendJson(*batch->column(i), row, zone, &text);
      }
      text += "}";
    }
    TARN_RETURN_IF_ERROR(WriteOut(text, out));
    text.clear();
  }
  return WriteOut(text + (first ? "]\n" : "\n]\n"), out);
}

/// An Arrow IPC stream.
Status PrintArrow(Rows& rows, std::FILE* out) {
  auto write = [&](const std::shared_ptr<arrow::io::BufferOutputStream>& sink) -> Status {
    auto buffer = sink->Finish();
    if (!buffer.ok()) return ResourceExhausted(buffer.status().ToString());
    TARN_RETURN_IF_ERROR(WriteOut(
        {reinterpret_cast<const char*>((*buffer)->data()), static_cast<size_t>((*buffer)->size())},
        out));
    const arrow::Status reset = sink->Reset();
    return reset.ok() ? Status::Ok() : Status(ResourceExhausted(reset.ToString()));
  };
  auto sink = arrow::io::BufferOutputStream::Create();
  if (!sink.ok()) return ResourceExhausted(sink.status().ToString());
  auto writer = arrow::ipc::MakeStreamWriter(*sink, WithVariantNames(*rows.schema()));
  if (!writer.ok()) return ResourceExhausted(writer.status().ToString());
  while (true) {
    TARN_ASSIGN_OR_RETURN(auto batch, rows.Next());
    if (batch == nullptr) break;
    const arrow::Status written = (*writer)->WriteRecordBatch(*batch);
    if (!written.ok()) return Internal("cannot encode the result: " + written.ToString());
    TARN_RETURN_IF_ERROR(write(*sink));
  }
  const arrow::Status closed = (*writer)->Close();
  if (!closed.ok()) return Internal("cannot encode the result: " + closed.ToString());
  return write(*sink);
}

}  // namespace

bool IsTerminal(std::FILE* file) { return isatty(fileno(file)) == 1; }

Error WriteError(int error) {
  std::string message = "cannot write the result to standard output";
  if (error != 0) message += std::string(": ") + std::strerror(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ResourceExhausted(std::move(message),
                               "send the output to a disk with room for it, and run this again");
    case EPIPE:
      return Unavailable(std::move(message),
                         "what read it ended before it had all: let it read to the end, or send "
                         "the output to a file");
    default:
      return Unavailable(std::move(message),
                         "see where the output goes, and run this again with another place");
  }
}

Status PrintRows(Rows& rows, OutputFormat format, const Limits& limits, const TimeZone* zone,
                 std::FILE* out) {
  Status status;
  switch (format) {
    case OutputFormat::kTable:
      status = PrintTable(rows, zone, out);
      break;
    case OutputFormat::kCsv:
      status = PrintCsv(rows, zone, out);
      break;
    case OutputFormat::kJson:
      status = PrintJson(rows, zone, out);
      break;
    case OutputFormat::kArrow:
      status = PrintArrow(rows, out);
      break;
    case OutputFormat::kParquet:
      status = PrintParquet(rows, limits, out);
      break;
  }
  if (status.ok() && std::fflush(out) != 0) {
    return WriteError(errno);
  }
  return status;
}

void PrintTexts(const std::vector<std::string>& head,
                const std::vector<std::vector<std::string>>& rows, std::FILE* out) {
  if (!IsTerminal(out)) {
    for (const auto& row : rows) {
      for (size_t i = 0; i < row.size(); ++i) {
        std::fprintf(out, "%s%s", i > 0 ? "\t" : "", InOneLine(row[i]).c_str());
      }
      std::fputc('\n', out);
    }
    return;
  }
  std::vector<int> widths;
  for (const auto& name : head) widths.push_back(DisplayWidth(name));
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(InOneLine(row[i])));
    }
  }
  auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += (i > 0 ? "  " : "") + Padded(InOneLine(row[i]), widths[i], false);
    while (!line.empty() && line.back() == ' ') line.pop_back();
    std::fprintf(out, "%s\n", line.c_str());
  };
  print(head);
  for (const auto& row : rows) print(row);
}

}  // namespace tarn

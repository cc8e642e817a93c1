#include "storage/s3/xml.h"

#include <charconv>
#include <cstdint>

namespace tarn {
namespace {

constexpr size_t kDepthMax = 32;

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
    return;
  }
  const int tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr unsigned kLead[] = {0, 0xc0, 0xe0, 0xf0};
  out.push_back(static_cast<char>(kLead[tail] | (code >> (6 * tail))));
  for (int i = tail - 1; i >= 0; --i) {
    out.push_back(static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3f)));
  }
}

/// Appends what "&`name`;" stands for; false when nothing does.
bool AppendEntity(std::string_view name, std::string& out) {
  constexpr std::pair<std::string_view, char> kNamed[] = {
      {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& [known, c] : kNamed) {
    if (name == known) {
      out.push_back(c);
      return true;
    }
  }
  if (name.size() < 2 || name[0] != '#') return false;
  const bool hex = name[1] == 'x';
  name.remove_prefix(hex ? 2 : 1);
  uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
  const bool valid = error == std::errc() && end == name.data() + name.size() && code <= 0x10ffff &&
                     (code < 0xd800 || code > 0xdfff);
  if (valid) AppendUtf8(code, out);
  return valid;
}

bool AppendText(std::string_view raw, std::string& out) {
  for (;;) {
    const size_t entity = raw.find('&');
    out.append(raw.substr(0, entity));
    if (entity == std::string_view::npos) return true;
    const size_t end = raw.find(';', entity);
    if (end == std::string_view::npos) return false;
    if (!AppendEntity(raw.substr(entity + 1, end - entity - 1), out)) return false;
    raw.remove_prefix(end + 1);
  }
}

/// The element's name: no attributes, no name-space prefix.
std::string_view LocalName(std::string_view tag) {
  tag = tag.substr(0, tag.find_first_of(" \t\r\n"));
  const size_t colon = tag.find(':');
  return colon == std::string_view::npos ? tag : tag.substr(colon + 1);
}

/// The '>' that ends a tag; one inside an attribute's quotes does not.
size_t TagEnd(std::string_view rest) {
  char quote = 0;
  for (size_t i = 0; i < rest.size(); ++i) {
    if (quote != 0) {
      if (rest[i] == quote) quote = 0;
    } else if (rest[i] == '"' || rest[i] == '\'') {
      quote = rest[i];
    } else if (rest[i] == '>') {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Status ReadXml(std::string_view document,
               const std::function<Status(std::string_view path, std::string&& text)>& visit) {
  struct Open {
    std::string_view name;
    bool has_children = false;
  };
  std::vector<Open> open;
  std::string path;
  std::string text;
  bool seen_root = false;
  const auto broken = [] { return Corruption("the server's answer is not valid XML"); };
  const auto close = [&]() -> Status {
    Status status = visit(path, open.back().has_children ? std::string() : std::move(text));
    text.clear();
    path.resize(path.size() - std::min(path.size(), open.back().name.size() + 1));
    open.pop_back();
    return status;
  };
  for (std::string_view rest = document; !rest.empty();) {
    const size_t angle = rest.find('<');
    const std::string_view between = rest.substr(0, angle);
    if (!open.empty()) {
      if (!AppendText(between, text)) return broken();
    } else if (between.find_first_not_of(" \t\r\n\xef\xbb\xbf") != std::string_view::npos) {
      return broken();
    }
    if (angle == std::string_view::npos) break;
    rest.remove_prefix(angle + 1);
    const auto skip_past = [&](std::string_view end) {
      const size_t at = rest.find(end);
      rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + end.size());
      return at != std::string_view::npos;
    };
    if (rest.starts_with("?")) {
      if (!skip_past("?>")) return broken();
      continue;
    }
    if (rest.starts_with("!--")) {
      if (!skip_past("-->")) return broken();
      continue;
    }
    if (rest.starts_with("![CDATA[")) {
      const size_t end = rest.find("]]>");
      if (end == std::string_view::npos || open.empty()) return broken();
      text.append(rest.substr(8, end - 8));
      rest.remove_prefix(end + 3);
      continue;
    }
    const size_t end = TagEnd(rest);
    if (end == std::string_view::npos || rest.starts_with("!")) return broken();
    std::string_view tag = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (tag.starts_with("/")) {
      if (open.empty() || LocalName(tag.substr(1)) != open.back().name) return broken();
      TARN_RETURN_IF_ERROR(close());
      continue;
    }
    const bool empty_element = tag.ends_with("/");
    if (empty_element) tag.remove_suffix(1);
    const std::string_view name = LocalName(tag);
    if (name.empty() || open.size() >= kDepthMax || (open.empty() && seen_root)) return broken();
    seen_root = true;
    if (!open.empty()) {
      open.back().has_children = true;
      path.push_back('/');
    }
    path.append(name);
    open.push_back({name});
    text.clear();
    if (empty_element) TARN_RETURN_IF_ERROR(close());
  }
  if (!open.empty() || !seen_root) return broken();
  return {};
}

std::string XmlText(std::string_view document, std::string_view name) {
  std::string found;
  bool done = false;
  const Status status = ReadXml(document, [&](std::string_view path, std::string&& text) {
    const size_t slash = path.rfind('/');
    if (!done && path.substr(slash == std::string_view::npos ? 0 : slash + 1) == name) {
      found = std::move(text);
      done = true;
    }
    return Status();
  });
  return status.ok() ? found : std::string();
}

std::string XmlEscape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '&':
        out.append("&amp;");
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

}  // namespace tarn

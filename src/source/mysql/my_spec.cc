#include "source/mysql/my_spec.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace tarn::mysql {
namespace {

std::optional<std::string> Unescape(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) {
      return std::nullopt;
    }
    out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  if (out.find('\0') != std::string::npos) return std::nullopt;
  return out;
}

std::string_view TakeUntil(std::string_view* text, std::string_view stops) {
  const size_t at = std::min(text->find_first_of(stops), text->size());
  const std::string_view head = text->substr(0, at);
  text->remove_prefix(at);
  return head;
}

}  // namespace

Result<ConnectionSpec> ConnectionSpec::Parse(const std::string& source_name,
                                             const std::string& url) {
  const auto bad = [&](const std::string& why) {
    return InvalidArgument("the url of source " + source_name + " " + why,
                           "write it as mysql://user:password@host:3306/database, with %XX for "
                           "special characters");
  };
  std::string_view rest = url;
  const bool maria = rest.starts_with("mariadb://");
  if (!maria && !rest.starts_with("mysql://")) return bad("does not begin with mysql://");
  rest.remove_prefix(maria ? 10 : 8);
  ConnectionSpec spec;
  std::string_view authority = TakeUntil(&rest, "/?");
  if (rest.substr(0, rest.find('?')).find('@') != std::string_view::npos) {
    return bad("has an @ or / that is not written as %40 or %2F");
  }
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    std::string_view login = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    const std::optional<std::string> user = Unescape(TakeUntil(&login, ":"));
    const std::string_view written = login.empty() ? login : login.substr(1);
    const std::optional<std::string> password = Unescape(written);
    if (!user || !password) return bad("has a % that is not followed by two hex digits");
    spec.user = *user;
    spec.password = *password;
    for (const std::string& secret : {std::string(written), *password}) {
      if (!secret.empty()) spec.secrets_.push_back(secret);
    }
  }
  if (spec.user.empty()) return bad("names no user");
  std::string_view port;
  if (authority.starts_with('[')) {  // an IPv6 address
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad("has a [ without ]");
    spec.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const std::optional<std::string> host = Unescape(TakeUntil(&authority, ":"));
    if (!host) return bad("has a % that is not followed by two hex digits");
    spec.host = *host;
    port = authority;
  }
  if (!port.empty()) {
    const char* end = port.data() + port.size();
    const auto [stop, error] = std::from_chars(port.data() + 1, end, spec.port);
    if (port[0] != ':' || error != std::errc() || stop != end || spec.port == 0 ||
        spec.port > 65535) {
      return bad("has a port that is not a number");
    }
  }
  if (rest.starts_with('/')) {
    rest.remove_prefix(1);
    const std::optional<std::string> database = Unescape(TakeUntil(&rest, "?"));
    if (!database) return bad("has a % that is not followed by two hex digits");
    spec.database = *database;
  }
  while (!rest.empty()) {
    rest.remove_prefix(1);
    std::string_view pair = TakeUntil(&rest, "&");
    std::string key(TakeUntil(&pair, "="));
    const std::optional<std::string> value = Unescape(pair.empty() ? pair : pair.substr(1));
    if (!value) return bad("has a % that is not followed by two hex digits");
    std::replace(key.begin(), key.end(), '_', '-');
    if (key == "ssl-mode") {
      std::string mode = *value;
      std::transform(mode.begin(), mode.end(), mode.begin(), [](char c) {
        return c == '-' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
      });
      if (mode == "PREFERRED") {
        spec.tls = TlsMode::kPreferred;
      } else if (mode == "DISABLED") {
        spec.tls = TlsMode::kDisabled;
      } else if (mode == "REQUIRED") {
        spec.tls = TlsMode::kRequired;
      } else if (mode == "VERIFY_CA") {
        spec.tls = TlsMode::kVerifyCa;
      } else if (mode == "VERIFY_IDENTITY") {
        spec.tls = TlsMode::kVerifyIdentity;
      } else {
        return bad(
            "has an ssl-mode other than disabled, preferred, required, verify_ca and "
            "verify_identity");
      }
    } else if (key == "ssl-ca") {
      spec.ca_file = *value;
    } else if (key == "ssl-cert") {
      spec.certificate_file = *value;
    } else if (key == "ssl-key") {
      spec.key_file = *value;
    } else if (key == "socket") {
      spec.socket = *value;
    } else {
      return bad("has a parameter other than ssl-mode, ssl-ca, ssl-cert, ssl-key and socket");
    }
  }
  if (spec.tls == TlsMode::kVerifyCa && spec.ca_file.empty()) {
    return bad("has ssl-mode=verify_ca and no ssl-ca");
  }
  if (spec.host.empty() && spec.socket.empty()) return bad("names no host");
  spec.address_ = (spec.socket.empty() ? spec.host + ":" + std::to_string(spec.port) : spec.socket);
  if (!spec.database.empty()) spec.address_ += "/" + spec.database;
  return spec;
}

std::string ConnectionSpec::Redact(std::string text) const {
  for (const std::string& secret : secrets_) {
    for (size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += 3) {
      text.replace(at, secret.size(), "***");
    }
  }
  return text;
}

bool ConnectionSpec::is_loopback() const {
  return !socket.empty() || host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace tarn::mysql

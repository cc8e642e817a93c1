#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace tarn::mysql {

/// How a connection is encrypted, as MySQL's own client names it.
enum class TlsMode {
  kPreferred,       ///< where the server has it; never to a loopback address
  kDisabled,        ///<
  kRequired,        ///< without looking at the certificate
  kVerifyCa,        ///< its certificate is signed by ssl-ca
  kVerifyIdentity,  ///< and is the host's
};

/// `mysql://user:password@host:port/database?ssl-mode=…`, taken apart and checked once.
class ConnectionSpec {
 public:
  /// Parameters: ssl-mode, ssl-ca, ssl-cert, ssl-key, socket. %XX in every part.
  /// Errors: InvalidArgument, without any part of `url` in it: a url that cannot be read may have
  /// its password anywhere.
  static Result<ConnectionSpec> Parse(const std::string& source_name, const std::string& url);

  /// "host:port/database", for people.
  const std::string& address() const { return address_; }
  /// Every secret of the spec in `text` replaced by ***.
  std::string Redact(std::string text) const;
  bool is_loopback() const;

  std::string user;
  std::string password;
  std::string host;
  unsigned port = 3306;
  std::string database;  ///< "" for none
  std::string socket;    ///< path of a socket of this machine, instead of host and port
  TlsMode tls = TlsMode::kPreferred;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;

 private:
  std::string address_;
  std::vector<std::string> secrets_;  // as written and decoded
};

}  // namespace tarn::mysql

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "scripted_server.h"
#include "storage/s3/s3_store.h"
#include "store_suite.h"

namespace tarn {
namespace {

using Reply = ScriptedServer::Reply;
using Request = ScriptedServer::Request;

constexpr int64_t kDeadlineMs = 400;
/// The deadline, and what a loaded machine may add. Far below the time without progress.
constexpr int64_t kEndsWithinMs = 5000;

/// Servers that hold a command up.
class S3TimeoutsTest : public testing::Test {
 protected:
  S3TimeoutsTest() {
    options_.bucket = "lake";
    options_.access_key = "key";
    options_.secret_key = "secret";
    limits_.storage_deadline_ms = kDeadlineMs;
    limits_.storage_part_bytes = 5 << 20;
  }
  std::unique_ptr<ObjectStore> Open(const std::string& endpoint) {
    options_.endpoint = endpoint;
    return std::move(*OpenS3Store(options_, limits_));
  }
  template <typename Call>
  void ExpectUnavailableInTime(const char* what, Call call) {
    const int64_t start = SystemClock().MonotonicMicros();
    const Status status = call();
    const int64_t took_ms = (SystemClock().MonotonicMicros() - start) / 1000;
    SCOPED_TRACE(what);
    EXPECT_ERROR(ErrorKind::kUnavailable, status);
    EXPECT_LT(took_ms, kEndsWithinMs);
  }
  void ExpectEveryCallEnds(ObjectStore& store) {
    ExpectUnavailableInTime("get", [&] { return store.Get("k").status(); });
    ExpectUnavailableInTime("range", [&] { return store.GetRange("k", 0, 10).status(); });
    ExpectUnavailableInTime("head", [&] { return store.Head("k").status(); });
    ExpectUnavailableInTime("put", [&] { return store.Put("k", "x"); });
    ExpectUnavailableInTime("absent", [&] { return store.PutIfAbsent("k", "x"); });
    ExpectUnavailableInTime("delete", [&] { return store.Delete("k"); });
    ExpectUnavailableInTime(
        "list", [&] { return store.List("", [](const ObjectInfo&) { return Status(); }); });
    ExpectUnavailableInTime("check", [&] { return store.CheckAccess(); });
  }

  S3Options options_;
  Limits limits_;
};

TEST_F(S3TimeoutsTest, AServerThatAcceptsAndSaysNothingHoldsNobodyUp) {
  ScriptedServer server([](const Request&) { return Reply{"", Reply::Then::kSilence}; });
  ExpectEveryCallEnds(*Open(server.url()));
}

TEST_F(S3TimeoutsTest, AServerThatTricklesHoldsNobodyUp) {
  ScriptedServer server([](const Request&) {
    Reply reply = ScriptedServer::Ok(std::string(100'000, 'x'));
    reply.pause_micros = 20'000;
    return reply;
  });
  ExpectUnavailableInTime("get", [&] { return Open(server.url())->Get("k").status(); });
}

TEST_F(S3TimeoutsTest, PartsThatHangEndTheWriterOnceNotOneAfterTheOther) {
  ScriptedServer server([](const Request& request) -> Reply {
    if (request.asks("?uploads")) return ScriptedServer::Ok("<R><UploadId>u</UploadId></R>");
    return {"", Reply::Then::kSilence};
  });
  auto store = Open(server.url());
  ExpectUnavailableInTime("writer", [&]() -> Status {
    TARN_ASSIGN_OR_RETURN(auto writer, store->OpenWriter("k"));
    const std::string bytes = Noise(5 << 20, 1);
    Status status;
    for (int i = 0; i < 20 && status.ok(); ++i) status = writer->Append(bytes);
    return status.ok() ? writer->Close() : status;
  });
}

TEST_F(S3TimeoutsTest, AWriterThatIsDroppedDoesNotWaitForItsParts) {
  limits_.storage_deadline_ms = 60'000;
  ScriptedServer server([](const Request& request) -> Reply {
    if (request.asks("?uploads")) return ScriptedServer::Ok("<R><UploadId>u</UploadId></R>");
    if (request.method == "DELETE") return ScriptedServer::Status("204 No Content");
    return {"", Reply::Then::kSilence};
  });
  auto store = Open(server.url());
  auto writer = store->OpenWriter("k");
  ASSERT_OK(writer);
  ASSERT_OK((*writer)->Append(Noise(6 << 20, 1)));
  const int64_t start = SystemClock().MonotonicMicros();
  writer->reset();
  EXPECT_LT((SystemClock().MonotonicMicros() - start) / 1000, kEndsWithinMs);
}

TEST_F(S3TimeoutsTest, AServerThatDoesNotAcceptIsGivenUp) {
  // A listener whose queue is full answers no further connection.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::connect(fillers.back(), reinterpret_cast<sockaddr*>(&address), size);
  }
  limits_.storage_deadline_ms = 60'000;
  limits_.storage_connect_timeout_ms = 200;
  auto store = Open("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  ExpectUnavailableInTime("get", [&] { return store->Get("k").status(); });
  for (const int fd : fillers) ::close(fd);
  ::close(listener);
}

}  // namespace
}  // namespace tarn

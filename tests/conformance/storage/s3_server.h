#pragma once

#include <string>

#include "base/result.h"
#include "storage/s3/s3_store.h"

namespace tarn {

/// A real S3 server for the tests of this process: the one that TARN_TEST_S3_ENDPOINT names (with
/// TARN_TEST_S3_BUCKET, TARN_TEST_S3_ACCESS_KEY, TARN_TEST_S3_SECRET_KEY and, where it is not
/// us-east-1, TARN_TEST_S3_REGION), else a versitygw of its own on a free loopback port over a
/// temporary directory, which ends with the process.
/// The result leads to an existing bucket, with an empty prefix.
/// Threads: may be called concurrently; the first call starts the server.
/// Errors: Unavailable, with the server's own words, when it cannot be had.
const Result<S3Options>& TestS3Server();

}  // namespace tarn

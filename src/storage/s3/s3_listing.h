#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/object_store.h"

namespace tarn {

class S3Client;

/// One page of ListObjectsV2.
struct S3Page {
  std::vector<ObjectInfo> objects;  ///< with the bucket's own keys, decoded
  std::string next;                 ///< continuation token; empty on the last page
};

/// Error Corruption when it is no such document.
Result<S3Page> ParseListPage(std::string_view document);

/// ObjectStore::List on a bucket. What is no valid key below the store's prefix (folder markers of
/// other programs, our own probes) is left out. Error Unsupported where the endpoint does not list
/// in the order of keys.
Status ListObjects(S3Client& client, std::string_view prefix,
                   const std::function<Status(const ObjectInfo&)>& visit);

}  // namespace tarn

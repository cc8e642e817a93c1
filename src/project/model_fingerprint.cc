#include "project/model_fingerprint.h"

#include "base/hash.h"

namespace tarn {
namespace {

/// Texts one after the other, each with its length before it: no two lists give the same bytes.
void Add(const std::string& text, std::string* bytes) {
  *bytes += std::to_string(text.size()) + ":" + text;
}

void AddAll(const std::vector<std::string>& texts, std::string* bytes) {
  Add(std::to_string(texts.size()), bytes);
  for (const std::string& text : texts) Add(text, bytes);
}

void AddCheck(const Check& check, std::string* bytes) {
  Add(check.ToString(), bytes);
  AddAll(check.columns, bytes);
  AddAll(check.values, bytes);
  const auto number = [](const std::optional<int64_t>& value) {
    return value.has_value() ? std::to_string(*value) : "";
  };
  Add(number(check.min_rows), bytes);
  Add(number(check.max_rows), bytes);
  Add(std::to_string(check.within_seconds), bytes);
}

}  // namespace

void SetFingerprints(Model* model) {
  std::string bytes;
  Add(model->sql, &bytes);
  Add(std::string(MaterializeName(model->materialize)), &bytes);
  AddAll(model->key, &bytes);
  Add(model->cursor, &bytes);
  model->query_fingerprint = HexHash(bytes);
  AddAll(model->partition, &bytes);
  for (const Check& check : model->checks) AddCheck(check, &bytes);
  Add(std::string(OnFailureName(model->on_failure)), &bytes);
  model->fingerprint = HexHash(bytes);
}

}  // namespace tarn

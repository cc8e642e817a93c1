#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tarn {

/// Reads the small XML documents of S3 and STS: elements and their text. Attributes, comments and
/// processing instructions are passed over; a document type, and with it entities of its own, is
/// refused.
/// Calls `visit` at the end of every element that holds no other one, with the names from the root
/// on, joined by '/' and without name space ("ListBucketResult/Contents/Key"), and the decoded
/// text; and, with empty text, at the end of every other element, after what it holds.
/// Errors: Corruption; what `visit` returns.
Status ReadXml(std::string_view document,
               const std::function<Status(std::string_view path, std::string&& text)>& visit);

/// The text of the first element whose path ends with "/`name`" or is `name`; empty where there is
/// none, or where the document is no XML.
std::string XmlText(std::string_view document, std::string_view name);

/// Text as it stands inside an element.
std::string XmlEscape(std::string_view text);

}  // namespace tarn

#pragma once

namespace tarn {

/// Kind and name of the object that closes a catalog: while one stands there, a commit that is made
/// under no lock (ExpectLockOp) is refused with InvalidArgument. Put by `destroy` in its last
/// commit, before the catalog itself is removed: what somebody else commits by hand came before it,
/// and is seen by who looks afterwards, or fails; it never goes with the catalog unseen. Who holds
/// the project's lock may take it away again.
inline constexpr char kClosedObject[] = "closed";

}  // namespace tarn

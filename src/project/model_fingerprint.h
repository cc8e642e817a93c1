#pragma once

#include "pipeline/transform/model.h"

namespace tarn {

/// Sets both fingerprints of a model from all its other members: call it when they are final, that
/// is, after the rules of `tables:` were laid over the model's head.
void SetFingerprints(Model* model);

}  // namespace tarn

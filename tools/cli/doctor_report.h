// How the findings of `doctor` are shown: as lines for people, grouped by subject, and as JSON whose names stay.
#pragma once

#include <string>
#include <vector>

#include "cli/diagnosis.h"

namespace penstock::cli {

std::string doctor_text(const std::vector<Finding>& findings);

/// {"verdict", "exit_code", "data_directory", "sections": [{"subject", "facts", "findings"}]}, in the order of
/// `subjects`. What is unknown is null.
std::string doctor_json(const DoctorFacts& facts, const std::vector<Finding>& findings);

}  // namespace penstock::cli

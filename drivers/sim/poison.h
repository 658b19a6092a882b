// What receive memory holds once it was given back: who reads on sees it.
#pragma once

#include <cstddef>

namespace penstock::sim {

inline constexpr auto poison = std::byte{0xdb};

}  // namespace penstock::sim

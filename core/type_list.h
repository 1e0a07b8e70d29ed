// A list of types, each known to both sides of the device seam by its place.
#pragma once
#include <stdexcept>
#include <type_traits>

namespace gradus {

template <class... Entries> struct TypeList {
  static constexpr int size = int(sizeof...(Entries));
  template <class Wanted> static constexpr int place() {  // -1 when it is none of them
    int at = 0;
    return ((std::is_same_v<Wanted, Entries> || (++at, false)) || ...) ? at : -1;
  }
};
template <class... A, class... B> TypeList<A..., B...> operator+(TypeList<A...>, TypeList<B...>);

// Throws unless a place that came from the other side is in the list.
template <class List> void check_place(int place) {
  if (place < 0 || place >= List::size)
    throw std::runtime_error("the module was not built with this program; build both together");
}

}  // namespace gradus

// A program that is linked with this statically shares it, whatever its own Asio was compiled with.
// What is deprecated is therefore here and does its work: Asio's default is to call it.
#undef BOOST_ASIO_NO_DEPRECATED
#include <boost/asio/impl/src.hpp>

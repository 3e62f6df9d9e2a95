/// The compiled half of Asio's TLS, once.
#include <boost/asio/ssl/impl/src.hpp>

# What proxy/version.cmake makes of a revision:
#     cmake -D SOURCE=... -D WORK=... -P tests/command/version_test.cmake
function(expect what)
    file(READ ${WORK}/version.cpp text)
    if(NOT text MATCHES "version = \"${what}\";")
        message(FATAL_ERROR "not ${what}:\n${text}")
    endif()
endfunction()

function(make folder)
    execute_process(
        COMMAND ${CMAKE_COMMAND} -D VERSION=1.2.3 ${ARGN} -D SOURCE=${folder} -D OUTPUT=${WORK}/version.cpp
            -P ${SOURCE}/proxy/version.cmake
        COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/checkout)
set(ENV{GIT_CEILING_DIRECTORIES} ${WORK}) # the build folder lies inside a checkout of ours

# The one that is given; the image's builder has no git.
make(${WORK}/checkout -D REVISION=1f3a9c7e20b4)
expect("1\\.2\\.3\\+1f3a9c7e20b4")

# None, and no checkout: the version alone.
make(${WORK}/checkout)
expect("1\\.2\\.3")

find_program(GIT git)
if(GIT)
    macro(git)
        execute_process(COMMAND ${GIT} -C ${WORK}/checkout -c user.name=a -c user.email=a@example.com ${ARGN}
            OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
    endmacro()
    git(init -q)
    file(WRITE ${WORK}/checkout/file "one")
    git(add file)
    git(commit -q -m one)
    make(${WORK}/checkout)
    expect("1\\.2\\.3\\+[0-9a-f]+")

    file(WRITE ${WORK}/checkout/file "two")
    make(${WORK}/checkout)
    expect("1\\.2\\.3\\+[0-9a-f]+\\.dirty")
endif()

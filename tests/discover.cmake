# Runs behind the build of a test program: writes one add_test for each of its TEST_CASEs to OUTPUT.
# Instead of doctest's own module, which cuts names at semicolons, so that nothing would run under
# them; here a test under whose name nothing runs is a failure.
#   cmake -D PROGRAM=... -D OUTPUT=... -D TIMEOUT=... -D LABELS=... -P discover.cmake
execute_process(COMMAND "${PROGRAM}" --list-test-cases
    OUTPUT_VARIABLE rest RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} cannot list its test cases: ${result}\n${rest}")
endif()

set(script "")
# Line by line by hand: a list of lines would take ';' and '[' in names for syntax.
while(NOT rest STREQUAL "")
    string(FIND "${rest}" "\n" end)
    string(SUBSTRING "${rest}" 0 ${end} name)
    math(EXPR next "${end} + 1")
    string(SUBSTRING "${rest}" ${next} -1 rest)
    if(name MATCHES "^\\[doctest\\] |^=====")
        continue()
    endif()
    # In doctest's filter a comma separates names, unless it is escaped.
    string(REPLACE "," "\\," filter "${name}")
    string(APPEND script
        "add_test([==[${name}]==] [==[${PROGRAM}]==] [==[--test-case=${filter}]==])\n"
        "set_tests_properties([==[${name}]==] PROPERTIES TIMEOUT ${TIMEOUT} LABELS [==[${LABELS}]==]"
        " FAIL_REGULAR_EXPRESSION [==[test cases: +0 ]==])\n")
endwhile()
file(WRITE "${OUTPUT}" "${script}")

# Runs the shell snippet of the receiver guide on one request; see tests/receiving/verifiers.py.
# driver.sh SNIPPET FUNCTION ARGUMENT... < body
source "$1"
("${@:2}")
status=$?
case $status in
    0) echo accepted ;;
    1) echo refused ;;
    *) echo "error: status $status" ;;
esac

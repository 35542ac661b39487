# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_nodewarden_global_optspecs
    string join \n config= amqp-url= database-url= set= output= log= h/help V/version
end

function __fish_nodewarden_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_nodewarden_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_nodewarden_using_subcommand
    set -l cmd (__fish_nodewarden_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c nodewarden -n "__fish_nodewarden_needs_command" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_needs_command" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_needs_command" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_needs_command" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_needs_command" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_needs_command" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -s V -l version -d 'Print version'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "run" -d 'Run one replica of the worker'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "migrate" -d 'Create or upgrade the tables in the database'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "nodes" -d 'Fill the table of nodes, and list it'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "emit" -d 'Publish one lifecycle event of a conductor, confirmed by the broker'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "tail" -d 'Print node events as JSON lines, as a scheduler would see them'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "status" -d 'Show drivers, conductors, nodes in and out of service, which replica decides, what is held back and why, and how far the announcements are'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "pause" -d 'Take no further node out of service, until `nodewarden resume`'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "resume" -d 'End the pause'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "release" -d 'Give back nodes that nodewarden took out of service, announced with the reason `released`'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "explain" -d 'Explain why something is in or out of service: the cause, the decision, when, and by which replica'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "history" -d 'Tell what was decided and what operators did, newest first'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "whatif" -d 'Say what would be lost without some conductors, or how to restart all of them without a loss'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "dead-letters" -d 'The messages that were refused, with the reason for each'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "bridge" -d 'Publish lifecycle events for conductors that publish none themselves'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "placement" -d 'Stop OpenStack\'s scheduler from offering nodes that are out of service'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "conductors" -d 'Change what nodewarden remembers about conductors'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "completions" -d 'Print what a shell needs to complete commands and options'
complete -c nodewarden -n "__fish_nodewarden_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand run" -l http-listen -d 'Address and port for HTTP (as http.listen; empty: no HTTP)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand run" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand run" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand run" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand run" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand run" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand run" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand migrate" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand migrate" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand migrate" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand migrate" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand migrate" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand migrate" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand migrate" -l new-stream -d 'Begin a new history: schedulers take a snapshot, and running replicas can no longer write. Stop them first: refused if one has committed within the last two sweeps and 10 s (at least a minute)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand migrate" -l force -d 'Begin it even if a replica seems to run, or has just been killed'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand migrate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -f -a "import" -d 'Fill the table `nodes` from JSON or CSV'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -f -a "list" -d 'List nodes: one line each, with its state, since when, and why'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and not __fish_seen_subcommand_from import list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from import" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from import" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from import" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from import" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from import" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from import" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from import" -l allow-empty -d 'Accept a file without nodes: it is no mistake'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -l driver -d 'Only nodes of this driver' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -l group -d 'Only nodes of this conductor group; "" is the default group' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -l out -d 'Only nodes that are out of service because of nodewarden, by the driver and group that took them out'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from help" -f -a "import" -d 'Fill the table `nodes` from JSON or CSV'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from help" -f -a "list" -d 'List nodes: one line each, with its state, since when, and why'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand nodes; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -f -a "joined" -d 'The conductor started and supports these drivers'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -f -a "heartbeat" -d 'The conductor lives. With --driver it is a complete statement, as good as `joined`'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -f -a "left" -d 'The conductor stopped. Only a higher incarnation brings it back'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -f -a "heartbeat-timeout" -d 'The conductor was found silent. Its next `joined` or heartbeat revives it'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and not __fish_seen_subcommand_from joined heartbeat left heartbeat-timeout help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l message-id -d 'The event\'s message_id: the same command again with the same one changes nothing (default: a new UUID)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l incarnation -d 'Which start of the conductor: higher at each (default: the current time in ms)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l driver -d 'A driver that it supports; repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l group -d 'Its conductor group' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l heartbeat-timeout -d 'It will send heartbeats, and is lost after this long without one (1s to 1h)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from joined" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l message-id -d 'The event\'s message_id: the same command again with the same one changes nothing (default: a new UUID)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l incarnation -d 'Which start of the conductor, as told at `joined`' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l driver -d 'A driver that it supports; repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l group -d 'Its conductor group' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l heartbeat-timeout -d 'It will send heartbeats, and is lost after this long without one (1s to 1h)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l every -d 'Repeat it at this interval, until stopped (SIGTERM, Ctrl-C)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l message-id -d 'The event\'s message_id: the same command again with the same one changes nothing (default: a new UUID)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l incarnation -d 'Which start of the conductor; `nodewarden status` shows the one that is known' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l back-within -d 'A planned restart: count it as active for this long' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l reason -d 'Why, for people' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from left" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l message-id -d 'The event\'s message_id: the same command again with the same one changes nothing (default: a new UUID)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l incarnation -d 'Which start of the conductor; `nodewarden status` shows the one that is known' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l last-seen-ms -d 'The time of the last thing seen from it, by its own clock: ms since 1970 UTC' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l detected-by -d 'What noticed it, for people' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from heartbeat-timeout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from help" -f -a "joined" -d 'The conductor started and supports these drivers'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from help" -f -a "heartbeat" -d 'The conductor lives. With --driver it is a complete statement, as good as `joined`'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from help" -f -a "left" -d 'The conductor stopped. Only a higher incarnation brings it back'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from help" -f -a "heartbeat-timeout" -d 'The conductor was found silent. Its next `joined` or heartbeat revives it'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand emit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand tail" -l count -d 'End after this many messages' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand tail" -l for -d 'End after this long' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand tail" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand tail" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand tail" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand tail" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand tail" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand tail" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand status" -l interval -d 'With --watch: how long to wait in between' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand status" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand status" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand status" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand status" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand status" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand status" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand status" -l watch -d 'Show it again and again, until Ctrl-C'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l for -d 'How long, such as 30m or 2h (default: until `nodewarden resume`)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l reason -d 'The reason, for the colleague who is on call tonight' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l who -d 'Who pauses (default: you, at this host)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l timeout -d 'With --wait: for so long at most (default: 90s, or 30s over decide.sweep_interval if that is longer); then this command ends with 1, and the pause stays' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -l wait -d 'Wait until the replica that decides has committed something after the pause, and the broker has confirmed every announcement from before it: nothing that takes a node out is on its way then'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand resume" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand resume" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand resume" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand resume" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand resume" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand resume" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l driver -d 'The nodes that are out because of this driver, in the group of --group' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l group -d 'The conductor group; the default group if it is left out' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l node -d 'One node, by uuid, or by a name that only one node has' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -l all -d 'Every node'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand release" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -f -a "node" -d 'A node, by uuid, or by a name that only one node has'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -f -a "driver" -d 'A driver in a conductor group'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -f -a "conductor" -d 'A conductor'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and not __fish_seen_subcommand_from node driver conductor help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from node" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from node" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from node" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from node" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from node" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from node" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from node" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from driver" -l group -d 'The conductor group; the default group if it is left out' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from driver" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from driver" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from driver" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from driver" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from driver" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from driver" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from driver" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from conductor" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from conductor" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from conductor" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from conductor" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from conductor" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from conductor" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from conductor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from help" -f -a "node" -d 'A node, by uuid, or by a name that only one node has'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from help" -f -a "driver" -d 'A driver in a conductor group'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from help" -f -a "conductor" -d 'A conductor'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand explain; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -l since -d 'How far back' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -l driver -d 'Only decisions about this driver' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -l group -d 'Only decisions about this conductor group; "" is the default group' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand whatif" -l without -d 'Which pairs would be lost, and how many nodes with them, if all of these conductors were gone' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand whatif" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand whatif" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand whatif" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand whatif" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand whatif" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand whatif" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand whatif" -l restart-order -d 'An order in which all conductors can be restarted with no pair lost at any moment; and those that no order helps'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand whatif" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -f -a "list" -d 'List them, one per line'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -f -a "show" -d 'Show one with its original properties and its body'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -f -a "requeue" -d 'Publish them again, through the exchange and with the routing key that they had'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -f -a "discard" -d 'Throw them away'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and not __fish_seen_subcommand_from list show requeue discard help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from list" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from list" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from list" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from list" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from list" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from list" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from show" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from show" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from show" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from show" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from show" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from show" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from requeue" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from requeue" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from requeue" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from requeue" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from requeue" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from requeue" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from requeue" -l all -d 'All of them'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from requeue" -l as-me -d 'Put back a `foreign_publisher` or an unjudged one, too: its words, which another user published, perhaps without permission, become those of the broker user of this command, as if you had said them. Look at it with `show` first'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from requeue" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from discard" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from discard" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from discard" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from discard" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from discard" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from discard" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from discard" -l all -d 'All of them'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from discard" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from help" -f -a "list" -d 'List them, one per line'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one with its original properties and its body'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from help" -f -a "requeue" -d 'Publish them again, through the exchange and with the routing key that they had'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from help" -f -a "discard" -d 'Throw them away'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand dead-letters; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and not __fish_seen_subcommand_from ironic help" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and not __fish_seen_subcommand_from ironic help" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and not __fish_seen_subcommand_from ironic help" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and not __fish_seen_subcommand_from ironic help" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and not __fish_seen_subcommand_from ironic help" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and not __fish_seen_subcommand_from ironic help" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and not __fish_seen_subcommand_from ironic help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and not __fish_seen_subcommand_from ironic help" -f -a "ironic" -d 'Look at the tables of an OpenStack Ironic and publish its conductors\' lifecycle events'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and not __fish_seen_subcommand_from ironic help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -l for -d 'With --once: look for that long' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -l listen -d 'Address and port for /healthz, /readyz and /metrics (as bridge.listen; empty: none)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -l once -d 'Show what this bridge sees and what it would publish if it started now, and end. Publishes nothing'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from ironic" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from help" -f -a "ironic" -d 'Look at the tables of an OpenStack Ironic and publish its conductors\' lifecycle events'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand bridge; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -l listen -d 'Address and port for /healthz, /readyz and /metrics (as placement.listen; empty: none)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -l once -d 'Show what is missing and what would change, write nothing, and end: with 1 if something is missing'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -l release -d 'Take every member out of our aggregates, switch those of pairs off, and end: before nodewarden goes away for good. Stop every `placement` first'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand placement" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and not __fish_seen_subcommand_from forget help" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and not __fish_seen_subcommand_from forget help" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and not __fish_seen_subcommand_from forget help" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and not __fish_seen_subcommand_from forget help" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and not __fish_seen_subcommand_from forget help" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and not __fish_seen_subcommand_from forget help" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and not __fish_seen_subcommand_from forget help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and not __fish_seen_subcommand_from forget help" -f -a "forget" -d 'Forget a conductor that will never come back'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and not __fish_seen_subcommand_from forget help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from forget" -l wait -d 'How long to wait for the deciding replica, which looks for requests about once a second' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from forget" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from forget" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from forget" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from forget" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from forget" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from forget" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from forget" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from help" -f -a "forget" -d 'Forget a conductor that will never come back'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand conductors; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand completions" -l config -d 'The settings file (or NODEWARDEN_CONFIG)' -r -F
complete -c nodewarden -n "__fish_nodewarden_using_subcommand completions" -l amqp-url -d 'The broker (as amqp.url). Every user of this machine can read a password here: prefer the file or the environment' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand completions" -l database-url -d 'The database (as database.url)' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand completions" -l set -d 'Any setting, such as decide.sweep_interval=30s. Repeat for more' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand completions" -l output -d 'How to print results' -r -f -a "text\t'Text and tables, for people'
json\t'JSON; a list that may be long is one object a line'
tsv\t'Tab-separated values under a line of names, where there is a table; else text'"
complete -c nodewarden -n "__fish_nodewarden_using_subcommand completions" -l log -d 'Log level: error, warn, info, debug, trace' -r
complete -c nodewarden -n "__fish_nodewarden_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "run" -d 'Run one replica of the worker'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "migrate" -d 'Create or upgrade the tables in the database'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "nodes" -d 'Fill the table of nodes, and list it'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "emit" -d 'Publish one lifecycle event of a conductor, confirmed by the broker'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "tail" -d 'Print node events as JSON lines, as a scheduler would see them'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "status" -d 'Show drivers, conductors, nodes in and out of service, which replica decides, what is held back and why, and how far the announcements are'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "pause" -d 'Take no further node out of service, until `nodewarden resume`'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "resume" -d 'End the pause'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "release" -d 'Give back nodes that nodewarden took out of service, announced with the reason `released`'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "explain" -d 'Explain why something is in or out of service: the cause, the decision, when, and by which replica'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "history" -d 'Tell what was decided and what operators did, newest first'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "whatif" -d 'Say what would be lost without some conductors, or how to restart all of them without a loss'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "dead-letters" -d 'The messages that were refused, with the reason for each'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "bridge" -d 'Publish lifecycle events for conductors that publish none themselves'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "placement" -d 'Stop OpenStack\'s scheduler from offering nodes that are out of service'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "conductors" -d 'Change what nodewarden remembers about conductors'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "completions" -d 'Print what a shell needs to complete commands and options'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and not __fish_seen_subcommand_from run migrate nodes emit tail status pause resume release explain history whatif dead-letters bridge placement conductors completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from nodes" -f -a "import" -d 'Fill the table `nodes` from JSON or CSV'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from nodes" -f -a "list" -d 'List nodes: one line each, with its state, since when, and why'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from emit" -f -a "joined" -d 'The conductor started and supports these drivers'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from emit" -f -a "heartbeat" -d 'The conductor lives. With --driver it is a complete statement, as good as `joined`'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from emit" -f -a "left" -d 'The conductor stopped. Only a higher incarnation brings it back'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from emit" -f -a "heartbeat-timeout" -d 'The conductor was found silent. Its next `joined` or heartbeat revives it'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from explain" -f -a "node" -d 'A node, by uuid, or by a name that only one node has'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from explain" -f -a "driver" -d 'A driver in a conductor group'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from explain" -f -a "conductor" -d 'A conductor'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from dead-letters" -f -a "list" -d 'List them, one per line'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from dead-letters" -f -a "show" -d 'Show one with its original properties and its body'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from dead-letters" -f -a "requeue" -d 'Publish them again, through the exchange and with the routing key that they had'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from dead-letters" -f -a "discard" -d 'Throw them away'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from bridge" -f -a "ironic" -d 'Look at the tables of an OpenStack Ironic and publish its conductors\' lifecycle events'
complete -c nodewarden -n "__fish_nodewarden_using_subcommand help; and __fish_seen_subcommand_from conductors" -f -a "forget" -d 'Forget a conductor that will never come back'

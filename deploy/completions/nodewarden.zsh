#compdef nodewarden

autoload -U is-at-least

_nodewarden() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_nodewarden_commands" \
"*::: :->nodewarden" \
&& ret=0
    case $state in
    (nodewarden)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-command-$line[1]:"
        case $line[1] in
            (run)
_arguments "${_arguments_options[@]}" : \
'--http-listen=[Address and port for HTTP (as http.listen; empty\: no HTTP)]:ADDRESS:PORT:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(migrate)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--new-stream[Begin a new history\: schedulers take a snapshot, and running replicas can no longer write. Stop them first\: refused if one has committed within the last two sweeps and 10 s (at least a minute)]' \
'--force[Begin it even if a replica seems to run, or has just been killed]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(nodes)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_nodewarden__subcmd__nodes_commands" \
"*::: :->nodes" \
&& ret=0

    case $state in
    (nodes)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-nodes-command-$line[1]:"
        case $line[1] in
            (import)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--allow-empty[Accept a file without nodes\: it is no mistake]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':file -- The file; `-` is standard input:_files' \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
'--driver=[Only nodes of this driver]:DRIVER:_default' \
'--group=[Only nodes of this conductor group; "" is the default group]:GROUP:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--out[Only nodes that are out of service because of nodewarden, by the driver and group that took them out]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__nodes__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-nodes-help-command-$line[1]:"
        case $line[1] in
            (import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(emit)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_nodewarden__subcmd__emit_commands" \
"*::: :->emit" \
&& ret=0

    case $state in
    (emit)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-emit-command-$line[1]:"
        case $line[1] in
            (joined)
_arguments "${_arguments_options[@]}" : \
'--message-id=[The event'\''s message_id\: the same command again with the same one changes nothing (default\: a new UUID)]:ID:_default' \
'--incarnation=[Which start of the conductor\: higher at each (default\: the current time in ms)]:INCARNATION:_default' \
'*--driver=[A driver that it supports; repeat for more]:DRIVER:_default' \
'--group=[Its conductor group]:GROUP:_default' \
'--heartbeat-timeout=[It will send heartbeats, and is lost after this long without one (1s to 1h)]:DURATION:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':conductor -- The conductor'\''s name:_default' \
&& ret=0
;;
(heartbeat)
_arguments "${_arguments_options[@]}" : \
'--message-id=[The event'\''s message_id\: the same command again with the same one changes nothing (default\: a new UUID)]:ID:_default' \
'--incarnation=[Which start of the conductor, as told at \`joined\`]:INCARNATION:_default' \
'*--driver=[A driver that it supports; repeat for more]:DRIVER:_default' \
'--group=[Its conductor group]:GROUP:_default' \
'--heartbeat-timeout=[It will send heartbeats, and is lost after this long without one (1s to 1h)]:DURATION:_default' \
'--every=[Repeat it at this interval, until stopped (SIGTERM, Ctrl-C)]:DURATION:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':conductor -- The conductor'\''s name:_default' \
&& ret=0
;;
(left)
_arguments "${_arguments_options[@]}" : \
'--message-id=[The event'\''s message_id\: the same command again with the same one changes nothing (default\: a new UUID)]:ID:_default' \
'--incarnation=[Which start of the conductor; \`nodewarden status\` shows the one that is known]:INCARNATION:_default' \
'--back-within=[A planned restart\: count it as active for this long]:DURATION:_default' \
'--reason=[Why, for people]:REASON:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':conductor -- The conductor'\''s name:_default' \
&& ret=0
;;
(heartbeat-timeout)
_arguments "${_arguments_options[@]}" : \
'--message-id=[The event'\''s message_id\: the same command again with the same one changes nothing (default\: a new UUID)]:ID:_default' \
'--incarnation=[Which start of the conductor; \`nodewarden status\` shows the one that is known]:INCARNATION:_default' \
'--last-seen-ms=[The time of the last thing seen from it, by its own clock\: ms since 1970 UTC]:MS:_default' \
'--detected-by=[What noticed it, for people]:DETECTED_BY:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':conductor -- The conductor'\''s name:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__emit__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-emit-help-command-$line[1]:"
        case $line[1] in
            (joined)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(heartbeat)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(left)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(heartbeat-timeout)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(tail)
_arguments "${_arguments_options[@]}" : \
'--count=[End after this many messages]:N:_default' \
'--for=[End after this long]:DURATION:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--interval=[With --watch\: how long to wait in between]:DURATION:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--watch[Show it again and again, until Ctrl-C]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(pause)
_arguments "${_arguments_options[@]}" : \
'--for=[How long, such as 30m or 2h (default\: until \`nodewarden resume\`)]:DURATION:_default' \
'--reason=[The reason, for the colleague who is on call tonight]:TEXT:_default' \
'--who=[Who pauses (default\: you, at this host)]:NAME:_default' \
'--timeout=[With --wait\: for so long at most (default\: 90s, or 30s over decide.sweep_interval if that is longer); then this command ends with 1, and the pause stays]:DURATION:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--wait[Wait until the replica that decides has committed something after the pause, and the broker has confirmed every announcement from before it\: nothing that takes a node out is on its way then]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(resume)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(release)
_arguments "${_arguments_options[@]}" : \
'--driver=[The nodes that are out because of this driver, in the group of --group]:NAME:_default' \
'--group=[The conductor group; the default group if it is left out]:NAME:_default' \
'--node=[One node, by uuid, or by a name that only one node has]:UUID:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--all[Every node]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(explain)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_nodewarden__subcmd__explain_commands" \
"*::: :->explain" \
&& ret=0

    case $state in
    (explain)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-explain-command-$line[1]:"
        case $line[1] in
            (node)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':name -- Its uuid or name:_default' \
&& ret=0
;;
(driver)
_arguments "${_arguments_options[@]}" : \
'--group=[The conductor group; the default group if it is left out]:GROUP:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':name -- Its name:_default' \
&& ret=0
;;
(conductor)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':name -- Its name:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__explain__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-explain-help-command-$line[1]:"
        case $line[1] in
            (node)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(driver)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(conductor)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(history)
_arguments "${_arguments_options[@]}" : \
'--since=[How far back]:DURATION:_default' \
'--driver=[Only decisions about this driver]:DRIVER:_default' \
'--group=[Only decisions about this conductor group; "" is the default group]:GROUP:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(whatif)
_arguments "${_arguments_options[@]}" : \
'*--without=[Which pairs would be lost, and how many nodes with them, if all of these conductors were gone]:CONDUCTORS:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--restart-order[An order in which all conductors can be restarted with no pair lost at any moment; and those that no order helps]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(dead-letters)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_nodewarden__subcmd__dead-letters_commands" \
"*::: :->dead-letters" \
&& ret=0

    case $state in
    (dead-letters)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-dead-letters-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':id -- Its id, as `list` shows it:_default' \
&& ret=0
;;
(requeue)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--all[All of them]' \
'(--all)--as-me[Put back a \`foreign_publisher\` or an unjudged one, too\: its words, which another user published, perhaps without permission, become those of the broker user of this command, as if you had said them. Look at it with \`show\` first]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::ids -- Their ids, as `list` shows them:_default' \
&& ret=0
;;
(discard)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--all[All of them]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::ids -- Their ids, as `list` shows them:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__dead-letters__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-dead-letters-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(requeue)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(discard)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(bridge)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_nodewarden__subcmd__bridge_commands" \
"*::: :->bridge" \
&& ret=0

    case $state in
    (bridge)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-bridge-command-$line[1]:"
        case $line[1] in
            (ironic)
_arguments "${_arguments_options[@]}" : \
'--for=[With --once\: look for that long]:DURATION:_default' \
'--listen=[Address and port for /healthz, /readyz and /metrics (as bridge.listen; empty\: none)]:ADDRESS:PORT:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--once[Show what this bridge sees and what it would publish if it started now, and end. Publishes nothing]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__bridge__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-bridge-help-command-$line[1]:"
        case $line[1] in
            (ironic)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(placement)
_arguments "${_arguments_options[@]}" : \
'--listen=[Address and port for /healthz, /readyz and /metrics (as placement.listen; empty\: none)]:ADDRESS:PORT:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'--once[Show what is missing and what would change, write nothing, and end\: with 1 if something is missing]' \
'(--once)--release[Take every member out of our aggregates, switch those of pairs off, and end\: before nodewarden goes away for good. Stop every \`placement\` first]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(conductors)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_nodewarden__subcmd__conductors_commands" \
"*::: :->conductors" \
&& ret=0

    case $state in
    (conductors)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-conductors-command-$line[1]:"
        case $line[1] in
            (forget)
_arguments "${_arguments_options[@]}" : \
'--wait=[How long to wait for the deciding replica, which looks for requests about once a second]:DURATION:_default' \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':name -- The conductor'\''s name, as `nodewarden status` shows it:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__conductors__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-conductors-help-command-$line[1]:"
        case $line[1] in
            (forget)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'--config=[The settings file (or NODEWARDEN_CONFIG)]:FILE:_files' \
'--amqp-url=[The broker (as amqp.url). Every user of this machine can read a password here\: prefer the file or the environment]:URL:_default' \
'--database-url=[The database (as database.url)]:URL:_default' \
'*--set=[Any setting, such as decide.sweep_interval=30s. Repeat for more]:SECTION.KEY=VALUE:_default' \
'--output=[How to print results]:OUTPUT:((text\:"Text and tables, for people"
json\:"JSON; a list that may be long is one object a line"
tsv\:"Tab-separated values under a line of names, where there is a table; else text"))' \
'--log=[Log level\: error, warn, info, debug, trace]:LOG:_default' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
':shell -- The shell:(bash elvish fish powershell zsh)' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-help-command-$line[1]:"
        case $line[1] in
            (run)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(migrate)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(nodes)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__help__subcmd__nodes_commands" \
"*::: :->nodes" \
&& ret=0

    case $state in
    (nodes)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-help-nodes-command-$line[1]:"
        case $line[1] in
            (import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(emit)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__help__subcmd__emit_commands" \
"*::: :->emit" \
&& ret=0

    case $state in
    (emit)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-help-emit-command-$line[1]:"
        case $line[1] in
            (joined)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(heartbeat)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(left)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(heartbeat-timeout)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(tail)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(pause)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(resume)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(release)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(explain)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__help__subcmd__explain_commands" \
"*::: :->explain" \
&& ret=0

    case $state in
    (explain)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-help-explain-command-$line[1]:"
        case $line[1] in
            (node)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(driver)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(conductor)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(history)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(whatif)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(dead-letters)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__help__subcmd__dead-letters_commands" \
"*::: :->dead-letters" \
&& ret=0

    case $state in
    (dead-letters)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-help-dead-letters-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(requeue)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(discard)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(bridge)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__help__subcmd__bridge_commands" \
"*::: :->bridge" \
&& ret=0

    case $state in
    (bridge)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-help-bridge-command-$line[1]:"
        case $line[1] in
            (ironic)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(placement)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(conductors)
_arguments "${_arguments_options[@]}" : \
":: :_nodewarden__subcmd__help__subcmd__conductors_commands" \
"*::: :->conductors" \
&& ret=0

    case $state in
    (conductors)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:nodewarden-help-conductors-command-$line[1]:"
        case $line[1] in
            (forget)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_nodewarden_commands] )) ||
_nodewarden_commands() {
    local commands; commands=(
'run:Run one replica of the worker' \
'migrate:Create or upgrade the tables in the database' \
'nodes:Fill the table of nodes, and list it' \
'emit:Publish one lifecycle event of a conductor, confirmed by the broker' \
'tail:Print node events as JSON lines, as a scheduler would see them' \
'status:Show drivers, conductors, nodes in and out of service, which replica decides, what is held back and why, and how far the announcements are' \
'pause:Take no further node out of service, until \`nodewarden resume\`' \
'resume:End the pause' \
'release:Give back nodes that nodewarden took out of service, announced with the reason \`released\`' \
'explain:Explain why something is in or out of service\: the cause, the decision, when, and by which replica' \
'history:Tell what was decided and what operators did, newest first' \
'whatif:Say what would be lost without some conductors, or how to restart all of them without a loss' \
'dead-letters:The messages that were refused, with the reason for each' \
'bridge:Publish lifecycle events for conductors that publish none themselves' \
'placement:Stop OpenStack'\''s scheduler from offering nodes that are out of service' \
'conductors:Change what nodewarden remembers about conductors' \
'completions:Print what a shell needs to complete commands and options' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__bridge_commands] )) ||
_nodewarden__subcmd__bridge_commands() {
    local commands; commands=(
'ironic:Look at the tables of an OpenStack Ironic and publish its conductors'\'' lifecycle events' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden bridge commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__bridge__subcmd__help_commands] )) ||
_nodewarden__subcmd__bridge__subcmd__help_commands() {
    local commands; commands=(
'ironic:Look at the tables of an OpenStack Ironic and publish its conductors'\'' lifecycle events' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden bridge help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__bridge__subcmd__help__subcmd__help_commands] )) ||
_nodewarden__subcmd__bridge__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden bridge help help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__bridge__subcmd__help__subcmd__ironic_commands] )) ||
_nodewarden__subcmd__bridge__subcmd__help__subcmd__ironic_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden bridge help ironic commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__bridge__subcmd__ironic_commands] )) ||
_nodewarden__subcmd__bridge__subcmd__ironic_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden bridge ironic commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__completions_commands] )) ||
_nodewarden__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden completions commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__conductors_commands] )) ||
_nodewarden__subcmd__conductors_commands() {
    local commands; commands=(
'forget:Forget a conductor that will never come back' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden conductors commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__conductors__subcmd__forget_commands] )) ||
_nodewarden__subcmd__conductors__subcmd__forget_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden conductors forget commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__conductors__subcmd__help_commands] )) ||
_nodewarden__subcmd__conductors__subcmd__help_commands() {
    local commands; commands=(
'forget:Forget a conductor that will never come back' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden conductors help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__conductors__subcmd__help__subcmd__forget_commands] )) ||
_nodewarden__subcmd__conductors__subcmd__help__subcmd__forget_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden conductors help forget commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__conductors__subcmd__help__subcmd__help_commands] )) ||
_nodewarden__subcmd__conductors__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden conductors help help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters_commands] )) ||
_nodewarden__subcmd__dead-letters_commands() {
    local commands; commands=(
'list:List them, one per line' \
'show:Show one with its original properties and its body' \
'requeue:Publish them again, through the exchange and with the routing key that they had' \
'discard:Throw them away' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden dead-letters commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__discard_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__discard_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden dead-letters discard commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__help_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__help_commands() {
    local commands; commands=(
'list:List them, one per line' \
'show:Show one with its original properties and its body' \
'requeue:Publish them again, through the exchange and with the routing key that they had' \
'discard:Throw them away' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden dead-letters help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__discard_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__discard_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden dead-letters help discard commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__help_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden dead-letters help help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__list_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden dead-letters help list commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__requeue_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__requeue_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden dead-letters help requeue commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__show_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden dead-letters help show commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__list_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden dead-letters list commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__requeue_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__requeue_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden dead-letters requeue commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__dead-letters__subcmd__show_commands] )) ||
_nodewarden__subcmd__dead-letters__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden dead-letters show commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit_commands] )) ||
_nodewarden__subcmd__emit_commands() {
    local commands; commands=(
'joined:The conductor started and supports these drivers' \
'heartbeat:The conductor lives. With --driver it is a complete statement, as good as \`joined\`' \
'left:The conductor stopped. Only a higher incarnation brings it back' \
'heartbeat-timeout:The conductor was found silent. Its next \`joined\` or heartbeat revives it' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden emit commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__heartbeat_commands] )) ||
_nodewarden__subcmd__emit__subcmd__heartbeat_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden emit heartbeat commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__heartbeat-timeout_commands] )) ||
_nodewarden__subcmd__emit__subcmd__heartbeat-timeout_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden emit heartbeat-timeout commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__help_commands] )) ||
_nodewarden__subcmd__emit__subcmd__help_commands() {
    local commands; commands=(
'joined:The conductor started and supports these drivers' \
'heartbeat:The conductor lives. With --driver it is a complete statement, as good as \`joined\`' \
'left:The conductor stopped. Only a higher incarnation brings it back' \
'heartbeat-timeout:The conductor was found silent. Its next \`joined\` or heartbeat revives it' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden emit help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__help__subcmd__heartbeat_commands] )) ||
_nodewarden__subcmd__emit__subcmd__help__subcmd__heartbeat_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden emit help heartbeat commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__help__subcmd__heartbeat-timeout_commands] )) ||
_nodewarden__subcmd__emit__subcmd__help__subcmd__heartbeat-timeout_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden emit help heartbeat-timeout commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__help__subcmd__help_commands] )) ||
_nodewarden__subcmd__emit__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden emit help help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__help__subcmd__joined_commands] )) ||
_nodewarden__subcmd__emit__subcmd__help__subcmd__joined_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden emit help joined commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__help__subcmd__left_commands] )) ||
_nodewarden__subcmd__emit__subcmd__help__subcmd__left_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden emit help left commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__joined_commands] )) ||
_nodewarden__subcmd__emit__subcmd__joined_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden emit joined commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__emit__subcmd__left_commands] )) ||
_nodewarden__subcmd__emit__subcmd__left_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden emit left commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__explain_commands] )) ||
_nodewarden__subcmd__explain_commands() {
    local commands; commands=(
'node:A node, by uuid, or by a name that only one node has' \
'driver:A driver in a conductor group' \
'conductor:A conductor' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden explain commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__explain__subcmd__conductor_commands] )) ||
_nodewarden__subcmd__explain__subcmd__conductor_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden explain conductor commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__explain__subcmd__driver_commands] )) ||
_nodewarden__subcmd__explain__subcmd__driver_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden explain driver commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__explain__subcmd__help_commands] )) ||
_nodewarden__subcmd__explain__subcmd__help_commands() {
    local commands; commands=(
'node:A node, by uuid, or by a name that only one node has' \
'driver:A driver in a conductor group' \
'conductor:A conductor' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden explain help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__explain__subcmd__help__subcmd__conductor_commands] )) ||
_nodewarden__subcmd__explain__subcmd__help__subcmd__conductor_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden explain help conductor commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__explain__subcmd__help__subcmd__driver_commands] )) ||
_nodewarden__subcmd__explain__subcmd__help__subcmd__driver_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden explain help driver commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__explain__subcmd__help__subcmd__help_commands] )) ||
_nodewarden__subcmd__explain__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden explain help help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__explain__subcmd__help__subcmd__node_commands] )) ||
_nodewarden__subcmd__explain__subcmd__help__subcmd__node_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden explain help node commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__explain__subcmd__node_commands] )) ||
_nodewarden__subcmd__explain__subcmd__node_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden explain node commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help_commands] )) ||
_nodewarden__subcmd__help_commands() {
    local commands; commands=(
'run:Run one replica of the worker' \
'migrate:Create or upgrade the tables in the database' \
'nodes:Fill the table of nodes, and list it' \
'emit:Publish one lifecycle event of a conductor, confirmed by the broker' \
'tail:Print node events as JSON lines, as a scheduler would see them' \
'status:Show drivers, conductors, nodes in and out of service, which replica decides, what is held back and why, and how far the announcements are' \
'pause:Take no further node out of service, until \`nodewarden resume\`' \
'resume:End the pause' \
'release:Give back nodes that nodewarden took out of service, announced with the reason \`released\`' \
'explain:Explain why something is in or out of service\: the cause, the decision, when, and by which replica' \
'history:Tell what was decided and what operators did, newest first' \
'whatif:Say what would be lost without some conductors, or how to restart all of them without a loss' \
'dead-letters:The messages that were refused, with the reason for each' \
'bridge:Publish lifecycle events for conductors that publish none themselves' \
'placement:Stop OpenStack'\''s scheduler from offering nodes that are out of service' \
'conductors:Change what nodewarden remembers about conductors' \
'completions:Print what a shell needs to complete commands and options' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__bridge_commands] )) ||
_nodewarden__subcmd__help__subcmd__bridge_commands() {
    local commands; commands=(
'ironic:Look at the tables of an OpenStack Ironic and publish its conductors'\'' lifecycle events' \
    )
    _describe -t commands 'nodewarden help bridge commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__bridge__subcmd__ironic_commands] )) ||
_nodewarden__subcmd__help__subcmd__bridge__subcmd__ironic_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help bridge ironic commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__completions_commands] )) ||
_nodewarden__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help completions commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__conductors_commands] )) ||
_nodewarden__subcmd__help__subcmd__conductors_commands() {
    local commands; commands=(
'forget:Forget a conductor that will never come back' \
    )
    _describe -t commands 'nodewarden help conductors commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__conductors__subcmd__forget_commands] )) ||
_nodewarden__subcmd__help__subcmd__conductors__subcmd__forget_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help conductors forget commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__dead-letters_commands] )) ||
_nodewarden__subcmd__help__subcmd__dead-letters_commands() {
    local commands; commands=(
'list:List them, one per line' \
'show:Show one with its original properties and its body' \
'requeue:Publish them again, through the exchange and with the routing key that they had' \
'discard:Throw them away' \
    )
    _describe -t commands 'nodewarden help dead-letters commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__dead-letters__subcmd__discard_commands] )) ||
_nodewarden__subcmd__help__subcmd__dead-letters__subcmd__discard_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help dead-letters discard commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__dead-letters__subcmd__list_commands] )) ||
_nodewarden__subcmd__help__subcmd__dead-letters__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help dead-letters list commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__dead-letters__subcmd__requeue_commands] )) ||
_nodewarden__subcmd__help__subcmd__dead-letters__subcmd__requeue_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help dead-letters requeue commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__dead-letters__subcmd__show_commands] )) ||
_nodewarden__subcmd__help__subcmd__dead-letters__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help dead-letters show commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__emit_commands] )) ||
_nodewarden__subcmd__help__subcmd__emit_commands() {
    local commands; commands=(
'joined:The conductor started and supports these drivers' \
'heartbeat:The conductor lives. With --driver it is a complete statement, as good as \`joined\`' \
'left:The conductor stopped. Only a higher incarnation brings it back' \
'heartbeat-timeout:The conductor was found silent. Its next \`joined\` or heartbeat revives it' \
    )
    _describe -t commands 'nodewarden help emit commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__emit__subcmd__heartbeat_commands] )) ||
_nodewarden__subcmd__help__subcmd__emit__subcmd__heartbeat_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help emit heartbeat commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__emit__subcmd__heartbeat-timeout_commands] )) ||
_nodewarden__subcmd__help__subcmd__emit__subcmd__heartbeat-timeout_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help emit heartbeat-timeout commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__emit__subcmd__joined_commands] )) ||
_nodewarden__subcmd__help__subcmd__emit__subcmd__joined_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help emit joined commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__emit__subcmd__left_commands] )) ||
_nodewarden__subcmd__help__subcmd__emit__subcmd__left_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help emit left commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__explain_commands] )) ||
_nodewarden__subcmd__help__subcmd__explain_commands() {
    local commands; commands=(
'node:A node, by uuid, or by a name that only one node has' \
'driver:A driver in a conductor group' \
'conductor:A conductor' \
    )
    _describe -t commands 'nodewarden help explain commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__explain__subcmd__conductor_commands] )) ||
_nodewarden__subcmd__help__subcmd__explain__subcmd__conductor_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help explain conductor commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__explain__subcmd__driver_commands] )) ||
_nodewarden__subcmd__help__subcmd__explain__subcmd__driver_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help explain driver commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__explain__subcmd__node_commands] )) ||
_nodewarden__subcmd__help__subcmd__explain__subcmd__node_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help explain node commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__help_commands] )) ||
_nodewarden__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__history_commands] )) ||
_nodewarden__subcmd__help__subcmd__history_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help history commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__migrate_commands] )) ||
_nodewarden__subcmd__help__subcmd__migrate_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help migrate commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__nodes_commands] )) ||
_nodewarden__subcmd__help__subcmd__nodes_commands() {
    local commands; commands=(
'import:Fill the table \`nodes\` from JSON or CSV' \
'list:List nodes\: one line each, with its state, since when, and why' \
    )
    _describe -t commands 'nodewarden help nodes commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__nodes__subcmd__import_commands] )) ||
_nodewarden__subcmd__help__subcmd__nodes__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help nodes import commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__nodes__subcmd__list_commands] )) ||
_nodewarden__subcmd__help__subcmd__nodes__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help nodes list commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__pause_commands] )) ||
_nodewarden__subcmd__help__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help pause commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__placement_commands] )) ||
_nodewarden__subcmd__help__subcmd__placement_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help placement commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__release_commands] )) ||
_nodewarden__subcmd__help__subcmd__release_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help release commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__resume_commands] )) ||
_nodewarden__subcmd__help__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help resume commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__run_commands] )) ||
_nodewarden__subcmd__help__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help run commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__status_commands] )) ||
_nodewarden__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help status commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__tail_commands] )) ||
_nodewarden__subcmd__help__subcmd__tail_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help tail commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__help__subcmd__whatif_commands] )) ||
_nodewarden__subcmd__help__subcmd__whatif_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden help whatif commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__history_commands] )) ||
_nodewarden__subcmd__history_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden history commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__migrate_commands] )) ||
_nodewarden__subcmd__migrate_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden migrate commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__nodes_commands] )) ||
_nodewarden__subcmd__nodes_commands() {
    local commands; commands=(
'import:Fill the table \`nodes\` from JSON or CSV' \
'list:List nodes\: one line each, with its state, since when, and why' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden nodes commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__nodes__subcmd__help_commands] )) ||
_nodewarden__subcmd__nodes__subcmd__help_commands() {
    local commands; commands=(
'import:Fill the table \`nodes\` from JSON or CSV' \
'list:List nodes\: one line each, with its state, since when, and why' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'nodewarden nodes help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__nodes__subcmd__help__subcmd__help_commands] )) ||
_nodewarden__subcmd__nodes__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden nodes help help commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__nodes__subcmd__help__subcmd__import_commands] )) ||
_nodewarden__subcmd__nodes__subcmd__help__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden nodes help import commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__nodes__subcmd__help__subcmd__list_commands] )) ||
_nodewarden__subcmd__nodes__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden nodes help list commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__nodes__subcmd__import_commands] )) ||
_nodewarden__subcmd__nodes__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden nodes import commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__nodes__subcmd__list_commands] )) ||
_nodewarden__subcmd__nodes__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden nodes list commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__pause_commands] )) ||
_nodewarden__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden pause commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__placement_commands] )) ||
_nodewarden__subcmd__placement_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden placement commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__release_commands] )) ||
_nodewarden__subcmd__release_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden release commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__resume_commands] )) ||
_nodewarden__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden resume commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__run_commands] )) ||
_nodewarden__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden run commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__status_commands] )) ||
_nodewarden__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden status commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__tail_commands] )) ||
_nodewarden__subcmd__tail_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden tail commands' commands "$@"
}
(( $+functions[_nodewarden__subcmd__whatif_commands] )) ||
_nodewarden__subcmd__whatif_commands() {
    local commands; commands=()
    _describe -t commands 'nodewarden whatif commands' commands "$@"
}

if [ "$funcstack[1]" = "_nodewarden" ]; then
    _nodewarden "$@"
else
    compdef _nodewarden nodewarden
fi
